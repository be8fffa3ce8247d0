// The page of an album: pictures by state, in rows, with boxes to leave kinds of them out. It needs no server and no script.

export interface Picture {
  /** What it shows, first and foremost. */
  state: string
  file: string
  /** Words that tell it apart from the others of its state: theme, language, width, scheme. */
  kinds: string[]
}

/** The markup. A picture is shown while the boxes of all its kinds are ticked. */
export function albumOf(title: string, pictures: Picture[]): string {
  const kinds = [...new Set(pictures.flatMap((picture) => picture.kinds))]
  const states = [...new Set(pictures.map(({ state }) => state))]
  const hidden = kinds.map((_, at) => `body:has(#kind-${at}:not(:checked)) .kind-${at} { display: none; }`)
  const classesOf = (picture: Picture) => picture.kinds.map((kind) => `kind-${kinds.indexOf(kind)}`).join(' ')
  const figures = (state: string) =>
    pictures
      .filter((picture) => picture.state === state)
      .map((picture) => {
        const said = escaped(picture.kinds.join(', '))
        const file = picture.file.split('/').map(encodeURIComponent).join('/')
        return `<figure class="${classesOf(picture)}"><a href="${file}"><img src="${file}" alt="${said}" loading="lazy"></a><figcaption>${said}</figcaption></figure>`
      })
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>
body { margin: 0 24px 24px; font: 14px/1.5 system-ui, sans-serif; background: #e6e8ec; color: #15181e; }
nav { position: sticky; inset-block-start: 0; display: flex; flex-wrap: wrap; gap: 4px 16px; padding-block: 12px; background: inherit; }
div { display: flex; flex-wrap: wrap; align-items: start; gap: 12px; }
figure { margin: 0; max-inline-size: 260px; }
img { max-inline-size: 260px; block-size: 320px; object-fit: contain; object-position: top left; }
figcaption { font-size: 12px; }
${hidden.join('\n')}
</style>
<h1>${escaped(title)}</h1>
<nav>${kinds.map((kind, at) => `<label><input type="checkbox" id="kind-${at}" checked> ${escaped(kind)}</label>`).join('\n')}</nav>
${states.map((state) => `<h2>${escaped(state)}</h2>\n<div>\n${figures(state).join('\n')}\n</div>`).join('\n')}
</html>
`
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

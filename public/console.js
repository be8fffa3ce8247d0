// Comfort for people with script: the focus on what is wrong, addresses copied at a press, and a warning before typed changes are lost.

document.querySelector('.summary')?.focus()

for (const source of document.querySelectorAll('[data-copy]')) {
  const button = Object.assign(document.createElement('button'), {
    type: 'button',
    className: 'button small',
    textContent: 'Copy',
  })
  const status = document.createElement('span')
  status.setAttribute('role', 'status')
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(source.textContent.trim())
    status.textContent = ' Copied'
  })
  source.after(' ', button, status)
}

for (const text of document.querySelectorAll('[data-count]')) {
  const status = Object.assign(document.createElement('p'), { className: 'hint' })
  const say = () => {
    status.textContent = `${[...text.value].length} of ${text.dataset.count}`
  }
  text.addEventListener('input', say)
  text.after(status)
  say()
}

const form = document.querySelector('form[data-guard]')
if (form) {
  const said = () => new URLSearchParams(new FormData(form)).toString()
  // What a page of rows and previews prints again is not saved either.
  const before = form.dataset.guard === 'changed' ? undefined : said()
  let isLeaving = false
  form.addEventListener('submit', () => {
    isLeaving = true
  })
  addEventListener('beforeunload', (event) => {
    if (!isLeaving && said() !== before) event.preventDefault()
  })
}

// The name stands in the redirect address while it is typed.
for (const address of document.querySelectorAll('[data-follows]')) {
  const field = document.getElementById(address.dataset.follows)
  const begin = address.textContent.slice(0, address.textContent.lastIndexOf('/') + 1)
  const copy = address.nextElementSibling
  const follow = () => {
    const name = field.value.trim()
    address.textContent = begin + (encodeURIComponent(name) || '…')
    copy.hidden = name === ''
  }
  field?.addEventListener('input', follow)
  follow()
}

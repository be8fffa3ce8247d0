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

const form = document.querySelector('form[data-guard]')
if (form) {
  const said = () => new URLSearchParams(new FormData(form)).toString()
  const before = said()
  let isLeaving = false
  form.addEventListener('submit', () => {
    isLeaving = true
  })
  addEventListener('beforeunload', (event) => {
    if (!isLeaving && said() !== before) event.preventDefault()
  })
}

// What the script adds to the pages. Every page works without it, and nothing here may keep a form from being sent: so each part
// stands alone, and one that fails is reported and left out.

for (const add of [
  focusProblems,
  showLocalTime,
  sendOnce,
  sayWhetherFree,
  rememberTyped,
  offerToShow,
  watchCapsLock,
  offerTime,
  offerToPrint,
  offerToCopy,
]) {
  try {
    add()
  } catch (error) {
    console.warn(error)
  }
}

/** People who listen hear what is wrong first (it is also the first thing on the page). */
function focusProblems() {
  part('problems')?.focus()
}

/** The server does not know the reader's time zone, so it prints UTC. */
function showLocalTime() {
  const time = part('open-until')?.querySelector('time')
  if (!time) return
  const options = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }
  time.textContent = new Intl.DateTimeFormat(document.documentElement.lang, options).format(new Date(time.dateTime))
}

/** A second press within a second is a double click. The button stays as it is: one that has been disabled would stay dead when the answer never comes. */
function sendOnce() {
  let sentAt = Number.NEGATIVE_INFINITY
  addEventListener('submit', (event) => {
    if (event.timeStamp - sentAt < 1000) event.preventDefault()
    else sentAt = event.timeStamp
  })
  // A page that comes back from the browser's memory is as it was left, and has not been sent again yet.
  addEventListener('pageshow', (event) => {
    if (event.persisted) sentAt = Number.NEGATIVE_INFINITY
  })
}

/**
 * Says while somebody types whether the name is free: a status and never an error, because sending the form decides. Silent when the
 * server does not answer or has been asked too often.
 */
function sayWhetherFree() {
  const field = document.querySelector('#username')
  const status = document.querySelector('#username-status[data-action]')
  if (!field || !status) return
  const words = status.dataset
  const answers = new Map()
  let stale = new AbortController()
  let waiting = []
  let isOver = false

  field.addEventListener('input', () => {
    stale.abort()
    stale = new AbortController()
    waiting.forEach(clearTimeout)
    // Spaces at the ends are not part of a name.
    const name = field.value.replace(/^ +| +$/g, '')
    if (isOver || name === '' || name === field.defaultValue) return say('')
    if (answers.has(name)) return say(answers.get(name))
    // Who types slowly is not told at every letter that we wait.
    if (status.textContent !== words.checking) say('')
    waiting = [setTimeout(say, 250, words.checking), setTimeout(ask, 500, name, stale.signal)]
  })

  async function ask(name, signal) {
    try {
      const answer = await post(words.action, { username: name }, signal)
      isOver = answer.status >= 400 && answer.status < 500
      const { available, reason, store, username } = await answer.json()
      const free = store ? words.placed : words.free
      const word = available ? free : (words[reason.replace('USERNAME_', '').toLowerCase()] ?? words.unfit)
      const values = { name: store ? username : name, store }
      answers.set(
        name,
        word.replace(/\{(name|store)\}/g, (_, value) => values[value]),
      )
    } catch {
      // No answer is no news.
    }
    if (!signal.aborted) say(answers.get(name) ?? '')
  }

  function say(word) {
    status.textContent = word
  }
}

/**
 * Keeps the typed username and the ticks in this tab alone, so that they are there again after the page has expired and was started
 * again. The key is of one person and one wording; nothing under any other key outlives the next page. Never the password.
 */
function rememberTyped() {
  const storage = tabStorage()
  if (document.querySelector('[data-part="leaving"], [data-msg="DECLINED"], [data-msg="FINISHED"]')) storage?.clear()
  const form = document.querySelector('form[data-memory]')
  if (!form || !storage) return
  const key = form.dataset.memory
  const name = form.querySelector('#username:not([readonly])')
  const boxes = [...form.querySelectorAll('[name="consent"]')]
  const kept = JSON.parse(storage.getItem(key))
  storage.clear()

  const keep = () => {
    const ticks = boxes.filter((box) => box.checked).map((box) => box.value)
    storage.setItem(key, JSON.stringify({ username: name?.value, ticks }))
  }
  form.addEventListener('input', keep)
  // Only a first view has the flow in its address; after an answer the page itself brings back what was typed.
  if (!location.search) return keep()
  if (!kept) return
  for (const box of boxes) box.checked = kept.ticks.includes(box.value)
  if (name && kept.username !== undefined) name.value = kept.username
  // As if it had been typed now: kept again, and told whether it is still free.
  const typed = new Event('input', { bubbles: true })
  ;(name ?? form).dispatchEvent(typed)
}

/** The tab's storage, or nothing where the person has blocked it: reading the name alone throws then. */
function tabStorage() {
  try {
    return sessionStorage
  } catch {
    return undefined
  }
}

/** A button that shows the password, for those who would rather see what they type; hidden again before anything leaves the page. */
function offerToShow() {
  for (const field of document.querySelectorAll('input[type="password"]')) {
    const words = document.getElementById(`${field.id}-status`)?.dataset
    if (!words) continue
    const button = element('button', { type: 'button', class: 'button small', 'aria-controls': field.id })
    const verb = element('span')
    const said = element('span', { class: 'unseen', role: 'status' })
    const set = (isShown) => {
      field.type = isShown ? 'text' : 'password'
      button.setAttribute('aria-pressed', isShown)
      verb.textContent = isShown ? words.hide : words.show
    }
    set(false)
    const name = element('span', { class: 'unseen' })
    name.textContent = ` ${words.name}`
    button.append(verb, name)
    field.after(button, said)
    button.addEventListener('click', () => {
      const isShown = field.type === 'password'
      set(isShown)
      said.textContent = isShown ? words.shown : words.hidden
    })
    field.form.addEventListener('submit', () => set(false))
    addEventListener('pagehide', () => set(false))
  }
}

/** Says that caps lock is on. Keyboards on a touch screen capitalise by themselves and have no such key. */
function watchCapsLock() {
  for (const field of document.querySelectorAll('input[type="password"]')) {
    const status = document.getElementById(`${field.id}-status`)
    if (!status || matchMedia('(pointer: coarse)').matches) continue
    const look = (event) => {
      const word = event.getModifierState?.('CapsLock') ? status.dataset.caps : ''
      // A status that is written anew is read anew.
      if (status.textContent !== word) status.textContent = word
    }
    for (const type of ['keydown', 'keyup', 'blur']) field.addEventListener(type, look)
  }
}

/**
 * Asks before the page closes whether more time is needed: two minutes before, or at half of what is left where that is less. Counts
 * from what the page says is left, because the clock of this machine may be wrong. When nobody answers, the page stays as it is.
 */
function offerTime() {
  const dialog = part('more-time')
  const time = part('open-until')?.querySelector('time')
  if (!dialog?.showModal || !time) return
  const words = dialog.dataset
  const [text, button] = dialog.querySelectorAll('p, button')
  const many = text.textContent
  const minute = 60_000
  let closesAt = performance.timeOrigin + words.seconds * 1000
  let asksAt = closesAt
  let isAnswered = false
  let isAsking = false
  plan()
  const clock = setInterval(look, 1000)
  // The Escape key says no.
  dialog.addEventListener('cancel', () => {
    isAnswered = true
  })
  button.addEventListener('click', () => (isAnswered ? dialog.close() : stay()))

  function plan() {
    asksAt = closesAt - Math.min(2 * minute, (closesAt - Date.now()) / 2)
    isAnswered = false
  }

  function look() {
    const now = Date.now()
    if (now >= closesAt) {
      clearInterval(clock)
      dialog.close()
    } else if (now >= asksAt && !isAnswered) {
      const word = closesAt - now > minute ? many : words.last
      if (text.textContent !== word) text.textContent = word
      if (!dialog.open) dialog.showModal()
    }
  }

  async function stay() {
    if (isAsking) return
    isAsking = true
    try {
      const answer = await post(words.action, {})
      const { openUntil } = await answer.json()
      closesAt += Date.parse(openUntil) - Date.parse(time.dateTime)
      time.dateTime = openUntil
      showLocalTime()
      dialog.close()
      plan()
    } catch {
      clearInterval(clock)
      isAnswered = true
      text.textContent = words.failed
      button.textContent = words.close
    }
    isAsking = false
  }
}

/** A button in the place of the sentence that says how a browser prints. */
function offerToPrint() {
  const place = part('print')
  if (!place) return
  const button = element('button', { type: 'button', class: 'button small' })
  button.textContent = place.dataset.label
  button.addEventListener('click', () => print())
  place.replaceChildren(button)
}

/** A button that copies an id, which nobody wants to type. Browsers let pages copy over https alone, and may refuse: then it is selected. */
function offerToCopy() {
  for (const source of document.querySelectorAll('[data-copy]')) {
    if (!navigator.clipboard) return
    const { copy, copied, name } = source.dataset
    const button = element('button', { type: 'button', class: 'button small' })
    const about = element('span', { class: 'unseen' })
    const status = element('span', { class: 'status', role: 'status' })
    about.textContent = ` ${name}`
    button.append(copy, about)
    button.addEventListener('click', async () => {
      try {
        await navigator.clipboard.writeText(source.textContent)
        status.textContent = copied
      } catch {
        getSelection().selectAllChildren(source)
      }
    })
    source.after(button, status)
  }
}

/** Sends these fields with what makes the page's form ours. */
function post(address, fields, signal) {
  const { _csrf, sessionDataKey } = part('form').elements
  const body = new URLSearchParams({ ...fields, _csrf: _csrf.value, sessionDataKey: sessionDataKey.value })
  return fetch(address, { method: 'POST', body, signal })
}

function part(name) {
  return document.querySelector(`[data-part="${name}"]`)
}

function element(tag, attributes = {}) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  return made
}

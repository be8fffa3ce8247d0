// Two conveniences. Every page works without them.

// People who listen hear what is wrong first (it is also the first thing on the page).
document.querySelector('[data-part="problems"]')?.focus()

// The server does not know the reader's time zone, so it prints UTC.
for (const time of document.querySelectorAll('[data-part="open-until"] time')) {
  const clock = new Intl.DateTimeFormat(document.documentElement.lang, {
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  time.textContent = clock.format(new Date(time.dateTime))
}

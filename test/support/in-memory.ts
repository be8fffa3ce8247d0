// Lets tests write into memory where the machine has room: a copy of a database is hundreds of small files, over which a disk takes its time. Nothing is left behind, by whatever death.
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, statfsSync } from 'node:fs'
import type { Socket } from 'node:net'
import { freemem, tmpdir } from 'node:os'
import path from 'node:path'

const MEMORY = '/dev/shm'
/** Several times what the processes of `npm test` have there at once; containers often have 64 MB. */
const NEEDED = 4 * 2 ** 30

// What still runs when we are killed, such as a database, writes until it has noticed: hence twice.
const caretaker = 'read -r _; rm -rf "$1"; sleep 10; rm -rf "$1"'

/**
 * Where processes that test shall make their temporary folders: a new folder in memory, removed as soon as this process has ended.
 * Where TMPDIR says something else, or there is no such room, it is the ordinary place.
 */
export function folderInMemory(): string {
  if (process.env['TMPDIR'] !== undefined || !hasRoom()) return tmpdir()
  const folder = mkdtempSync(path.join(MEMORY, 'vestibule-tests-'))
  chmodSync(folder, 0o711) // as root, PostgreSQL runs as somebody else and has to pass
  const child = spawn('/bin/sh', ['-c', caretaker, 'sh', folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  child.unref()
  ;(child.stdin as unknown as Socket).unref()
  return folder
}

function hasRoom(): boolean {
  try {
    const { bavail, bsize } = statfsSync(MEMORY)
    return bavail * bsize > NEEDED && freemem() > NEEDED
  } catch {
    return false
  }
}

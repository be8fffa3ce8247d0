// The negative controls of the tests of races and crashes: each starts a program or a database that was broken on purpose, and the test's own check must find it out.
import { crashControls } from './controls/crashes.ts'
import { demoControls } from './controls/demo.ts'
import { idpDeletionControls } from './controls/idp-deletion.ts'
import { raceControls } from './controls/races.ts'
import { secondFactorControls } from './controls/second-factors.ts'

/** Declares them, as tests with titles of their own. */
export function controlsSoak(): void {
  crashControls()
  raceControls()
  secondFactorControls()
  idpDeletionControls()
  demoControls()
}

import { closeSync, writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { collectInOnePiece } from './collector.ts';
import { DaemonSettings, runDaemon } from './daemon.ts';

/** The starter waits on this descriptor for a line that says who serves now. */
const READY_FD = 3;

const daemon = await runDaemon(DaemonSettings.parse(JSON.parse(process.argv[2] ?? '')));
writeSync(READY_FD, daemon === undefined ? 'occupied\n' : 'ready\n');
closeSync(READY_FD);

if (daemon !== undefined) {
  // Now, not at the end, which may be a SIGKILL.
  flushCompileCache();
  collectInOnePiece();
  process.on('SIGTERM', daemon.stop);
  process.on('SIGINT', daemon.stop);
  process.on('SIGHUP', () => {});
  // Everybody's commands hang on this process: one failed call is logged, and no reason to lose them all.
  process.on('uncaughtException', (error) => console.error(new Date().toISOString(), error));
  await daemon.ended;
  process.exit(0);
}

// Runs one benchmark in this process and hands its measurements to the parent.
import type { Bench } from './support/measurement.ts';

const [path = '', quick] = process.argv.slice(2);
const bench: Bench = await import(path);
const measurements = await bench.run({ quick: quick === '--quick' });
process.send?.({ name: bench.name, measurements }, () => process.exit(0));

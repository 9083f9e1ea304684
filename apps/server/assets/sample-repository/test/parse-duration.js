import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDuration } from '../src/index.js';

test('parses a single unit', () => {
  assert.equal(parseDuration('90s'), 90_000);
  assert.equal(parseDuration('250ms'), 250);
});

test('adds up several units', () => {
  assert.equal(parseDuration('1h 30m'), 5_400_000);
});

test('takes fractions', () => {
  assert.equal(parseDuration('1.5h'), 5_400_000);
});

test('refuses what is not a duration', () => {
  assert.throws(() => parseDuration('soon'), TypeError);
});

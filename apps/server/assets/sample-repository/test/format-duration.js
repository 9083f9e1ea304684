import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDuration } from '../src/index.js';

test('names the largest units first', () => {
  assert.equal(formatDuration(5_400_000), '1h 30m');
});

test('shows nothing as 0s', () => {
  assert.equal(formatDuration(0), '0s');
});

test('refuses negative durations', () => {
  assert.throws(() => formatDuration(-1), RangeError);
});

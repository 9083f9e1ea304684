/**
 * The rules of the engine without a disk or a process: what text is, what a replacement does, how names rank, what a path
 * may be, and what readers wait for. For executors that keep their files elsewhere and must behave alike.
 */
export { type IgnoreRules, NOTHING, parseIgnoreRules } from './files/ignore-rules.ts';
export { splitLines } from './files/lines.ts';
export { isBinary, MAX_TEXT_BYTES, tooLarge } from './files/read-bytes.ts';
export { selectText } from './files/read-file.ts';
export { fileChanged } from './files/replace-file.ts';
export { replaceInBytes } from './files/search-replace.ts';
export { type DecodedText, decodeText } from './files/text.ts';
export { newContent, notAFile } from './files/write-file.ts';
export { allowedScheme } from './git/addresses.ts';
export { DEFAULT_AUTHOR, requireMessage, storableAuthor } from './git/commit-rules.ts';
export { PatchSplitter } from './git/patch-splitter.ts';
export { noRevision } from './git/revisions.ts';
export { KeyedAnswers, keyedFiles, keyedGit } from './keyed-answers.ts';
export { attempt, cancelled, operation, throwIfCancelled } from './operation.ts';
export { globOf, selectNames } from './search/file-names.ts';
export { DEFAULT_LIMIT as DEFAULT_GREP_LIMIT } from './search/grep.ts';
export { MatchCollector } from './search/match-collector.ts';
export { fileError, outside } from './security/path-errors.ts';
export { componentsFromRoot, refuseGitInternals, shownPath, split } from './security/paths-common.ts';
export { Growth } from './terminal/growth.ts';

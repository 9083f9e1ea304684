import { useState } from 'react';

/** The chosen base branch, null for the default one. A choice holds for the repository it was made for. */
export function useBranchChoice(repository: string): [string | null, (branch: string | null) => void] {
  const [choice, setChoice] = useState<{ repository: string; branch: string | null } | null>(null);
  const branch = choice?.repository === repository ? choice.branch : null;
  return [branch, (next) => setChoice({ repository, branch: next })];
}

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const NOUNS =
  'account address archive balance batch branch budget cache calendar campaign cart catalog channel cluster comment contract coupon credential customer dashboard deposit device discount document domain draft employee endpoint event exchange export feature feed filter folder gateway grant group image import index inventory invoice label language ledger license location manifest member merchant message metric mirror module node notice offer order package parcel partner password payment permission picture plan policy portfolio price printer product profile project queue quota receipt record refund region release report request reservation resource review route rule sample schedule schema secret segment sensor session setting shipment signal snapshot statement storage subscription supplier survey tag target task tax team template tenant ticket token topic transfer upload user vendor version voucher wallet warehouse webhook window worker workspace'.split(
    ' ',
  );
const VERBS =
  'accept activate allocate append apply approve archive assign attach audit balance block build cancel check claim close collect compare compile compress compute confirm connect convert copy count create decode decrease delete deliver detach detect disable discard divide drain encode encrypt enqueue estimate evaluate expand expire export extract fetch filter find flush format forward freeze gather generate grant hash import increase index inspect install invalidate issue join limit list load lock match measure merge migrate move normalize notify open pack parse pause plan prepare prune publish purge push rank read rebuild receive recover reduce refresh register reject release remove rename render repair replace report reserve reset resolve restore resume retry revoke rotate route sanitize save schedule select send serialize settle share sort split start stop store submit suspend sync throttle track transform trim unlock update upload validate verify watch wrap write'.split(
    ' ',
  );

/** What lies in a corpus, for questions about it. */
export interface CodeCorpus {
  readonly files: string[];
  readonly bytes: number;
  /** A question about some file, by number: of words that its author would use. */
  question(number: number): string;
}

/** The same numbers each time (Lehmer's generator). */
function numbers(seed: number): () => number {
  let state = (seed * 48_271 + 11) % 2_147_483_647;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** Writes so many TypeScript and Python files of 40 to 180 lines, thirty in a directory; the same each time. */
export async function makeCodeCorpus(root: string, count: number): Promise<CodeCorpus> {
  const files: string[] = [];
  let bytes = 0;
  for (let index = 0; index < count; index += 1) {
    const author = new Author(index + 1);
    const isPython = index % 3 === 0;
    const directory = join(`area-${Math.floor(index / 600)}`, `part-${Math.floor(index / 30)}`);
    const path = join(directory, `${author.file}-${index}.${isPython ? 'py' : 'ts'}`);
    if (index % 30 === 0) await mkdir(join(root, directory), { recursive: true });
    const text = isPython ? author.python() : author.typescript();
    bytes += text.length;
    await writeFile(join(root, path), text);
    files.push(path);
  }
  return { files, bytes, question: (number) => new Author((number % count) + 1).question };
}

/** Writes one file, in a language or the other. */
class Author {
  readonly #next: () => number;
  readonly #noun: string;
  readonly #other: string;
  readonly #verbs: string[];

  constructor(seed: number) {
    this.#next = numbers(seed);
    this.#next();
    this.#noun = this.#pick(NOUNS);
    this.#other = this.#pick(NOUNS);
    this.#verbs = Array.from({ length: 3 + Math.floor(this.#next() * 9) }, () => this.#pick(VERBS));
  }

  get file(): string {
    return `${this.#noun}-${this.#other}`;
  }

  get question(): string {
    return `How does a ${this.#noun} ${this.#verbs[0]} the ${this.#other}?`;
  }

  typescript(): string {
    const [noun, other] = [capital(this.#noun), capital(this.#other)];
    const methods = this.#verbs.map((verb) => {
      const [part, key] = [this.#pick(NOUNS), this.#pick(NOUNS)];
      return `  /** Lets the ${this.#noun} ${verb} a ${part}. @throws Error when the ${key} is missing */
  async ${verb}${capital(part)}(${part}: ${other}, options: { ${key}?: string } = {}): Promise<number> {
    const found = this.#items.get(options.${key} ?? '${key}');
    if (found === undefined) throw new Error(\`There is no ${key} \${options.${key}}\`);
    let total = ${Math.floor(this.#next() * 1000)};
    for (const item of found) {
      if (item.${key}Id === ${part}.id) total += await ${this.#pick(VERBS)}${capital(key)}(item);
    }
    return total;
  }`;
    });
    return `import { ${this.#pick(VERBS)}${capital(this.#pick(NOUNS))} } from '../${this.#pick(NOUNS)}.ts';
import type { ${other} } from './${this.#other}.ts';

const ${this.#noun.toUpperCase()}_LIMIT = ${Math.floor(this.#next() * 500)};

/** Keeps ${this.#other}s for a ${this.#noun}. */
export class ${noun}${other} {
  readonly #items = new Map<string, ${other}[]>();

${methods.join('\n\n')}
}
`;
  }

  python(): string {
    const methods = this.#verbs.map((verb) => {
      const [part, key] = [this.#pick(NOUNS), this.#pick(NOUNS)];
      return `    def ${verb}_${part}(self, ${part}, ${key}=None):
        """Lets the ${this.#noun} ${verb} a ${part}; raises KeyError when the ${key} is missing."""
        found = self._items.get(${key} or "${key}")
        if found is None:
            raise KeyError(${key})
        total = ${Math.floor(this.#next() * 1000)}
        for item in found:
            if item.${key}_id == ${part}.id:
                total += ${this.#pick(VERBS)}_${key}(item)
        return total
`;
    });
    return `from .${this.#other} import ${capital(this.#other)}, ${this.#pick(VERBS)}_${this.#pick(NOUNS)}

${this.#noun.toUpperCase()}_LIMIT = ${Math.floor(this.#next() * 500)}


class ${capital(this.#noun)}${capital(this.#other)}:
    """Keeps ${this.#other}s for a ${this.#noun}."""

    def __init__(self):
        self._items = {}

${methods.join('\n')}`;
  }

  #pick(words: readonly string[]): string {
    return words[Math.floor(this.#next() * words.length)] ?? '';
  }
}

function capital(word: string): string {
  return `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`;
}

import { createElement, type ReactNode } from 'react';
import { type Components, defaultRehypePlugins, Streamdown } from 'streamdown';

const components: Components = {
  // A plain block: highlighting every answer would cost more than it tells.
  pre: ({ children }) => <pre>{children}</pre>,
  code: ({ children }) => <code>{children}</code>,
  inlineCode: ({ children }) => <code>{children}</code>,
  ...bare('h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'p', 'ul', 'ol', 'li', 'blockquote', 'hr', 'strong'),
  ...bare('table', 'thead', 'tbody', 'tr', 'th', 'td'),
  a: ({ href, children }) => (
    <a href={href} target="_blank" rel="noreferrer noopener">
      {children}
    </a>
  ),
  // An image would tell its host who reads this, and when: its address is shown instead.
  img: ({ src, alt }) => (
    <a href={typeof src === 'string' ? src : undefined} target="_blank" rel="noreferrer noopener">
      {alt || 'image'}
    </a>
  ),
};

/** Elements without the classes of the library: their looks are in styles.css. */
function bare(...names: string[]): Components {
  return Object.fromEntries(
    names.map((Name) => [
      Name,
      ({ children }: { children?: ReactNode }) =>
        Name === 'hr' ? <hr /> : createElement(Name, null, children),
    ]),
  );
}

// Raw HTML of a model is text, not markup.
const { raw: _, ...plugins } = defaultRehypePlugins;
const rehypePlugins = Object.values(plugins);

/** Markdown that may still be growing: unfinished marks at its end are closed for the eye. */
export default function Markdown({ text, streaming }: { text: string; streaming: boolean }) {
  return (
    <Streamdown
      mode={streaming ? 'streaming' : 'static'}
      isAnimating={streaming}
      animated={false}
      controls={false}
      linkSafety={{ enabled: false }}
      components={components}
      rehypePlugins={rehypePlugins}
    >
      {text}
    </Streamdown>
  );
}

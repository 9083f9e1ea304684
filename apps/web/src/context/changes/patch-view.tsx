import { PatchDiff } from '@pierre/diffs/react';

/** A file's patch with its language's colours; tells when it has drawn itself, which takes its grammar a moment. */
export default function PatchView(props: {
  patch: string;
  diffStyle: 'unified' | 'split';
  onDrawn: () => void;
}) {
  const { patch, diffStyle, onDrawn } = props;
  return (
    <PatchDiff
      patch={patch}
      disableWorkerPool
      options={{
        theme: { light: 'pierre-light', dark: 'pierre-dark' },
        themeType: 'system',
        diffStyle,
        disableFileHeader: true,
        overflow: 'scroll',
        hunkSeparators: 'line-info-basic',
        diffIndicators: 'bars',
        lineDiffType: 'word-alt',
        preferredHighlighter: 'shiki-js',
        onPostRender: (node) => {
          if (node.shadowRoot?.querySelector('[data-line]')) onDrawn();
        },
      }}
      style={STYLE}
    />
  );
}

// Custom properties that the diff view reads; React's style type knows no custom properties.
const STYLE: Record<string, string> = {
  '--diffs-font-family': 'var(--font-mono)',
  '--diffs-font-size': '12px',
  '--diffs-line-height': '18px',
  '--diffs-gap-block': '0px',
  '--diffs-light-bg': 'var(--canvas)',
  '--diffs-dark-bg': 'var(--canvas)',
};

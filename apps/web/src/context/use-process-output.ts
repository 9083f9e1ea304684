import type { FollowedFrame } from '@shadow/client';
import { useEffect, useState } from 'react';
import { realtime } from '../server/clients.ts';

/** Characters of a process's output that the page keeps; older ones go. */
const KEPT = 262_144;

/** A process's output as far as this page holds it. */
export interface ProcessOutputState {
  text: string;
  /** True when text before this was left out or is gone. */
  cut: boolean;
  ended: boolean;
  error: string | null;
}

const nothing: ProcessOutputState = { text: '', cut: false, ended: false, error: null };

/** Follows a process's output while the calling component is shown. */
export function useProcessOutput(taskId: string, processId: string): ProcessOutputState {
  const [state, setState] = useState(nothing);
  useEffect(() => {
    let text = '';
    let cut = false;
    let ended = false;
    let frame: number | undefined;
    const decoder = new TextDecoder();
    const draw = () => {
      frame = undefined;
      setState({ text, cut, ended, error: null });
    };
    const take = (piece: FollowedFrame) => {
      if (piece.type === 'data') text += decoder.decode(piece.data, { stream: true });
      else if (piece.type === 'gap') cut = true;
      else ended = true;
    };
    setState(nothing);
    const unfollow = realtime().followProcess(taskId, processId, {
      fromOffset: 0,
      onFrames: (frames) => {
        for (const piece of frames) take(piece);
        if (text.length > KEPT * 2) {
          text = text.slice(-KEPT);
          cut = true;
        }
        frame ??= requestAnimationFrame(draw);
      },
      onError: (error) => setState({ text, cut, ended: true, error: error.message }),
    });
    return () => {
      unfollow();
      if (frame !== undefined) cancelAnimationFrame(frame);
    };
  }, [taskId, processId]);
  return state;
}

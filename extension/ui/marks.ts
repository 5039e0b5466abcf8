/** A stretch of a text with what is marked on it; offsets are UTF-16. */
export interface Piece<M> {
  readonly text: string;
  readonly marks: readonly M[];
}

interface Spanned {
  readonly start: number;
  readonly end: number;
}

/** Return spans whose offsets count characters as spans whose offsets count UTF-16 units. */
export function toUtf16<S extends Spanned>(spans: readonly S[], text: string): S[] {
  const units = [0];
  for (const character of text) {
    units.push((units.at(-1) ?? 0) + character.length);
  }
  const unit = (offset: number): number =>
    units[Math.max(0, Math.min(offset, units.length - 1))] ?? 0;
  return spans.map((span) => ({ ...span, start: unit(span.start), end: unit(span.end) }));
}

/** Cut a text that starts at `offset` wherever a mark begins or ends. */
export function cutByMarks<M extends Spanned>(
  text: string,
  offset: number,
  marks: readonly M[],
): Piece<M>[] {
  const end = offset + text.length;
  const touching = marks.filter((mark) => mark.start < end && mark.end > offset);
  const cuts = new Set([offset, end]);
  for (const mark of touching) {
    cuts.add(Math.max(offset, mark.start));
    cuts.add(Math.min(end, mark.end));
  }
  const places = [...cuts].sort((a, b) => a - b);
  return places.slice(0, -1).map((start, index) => {
    const stop = places[index + 1] ?? end;
    return {
      text: text.slice(start - offset, stop - offset),
      marks: touching.filter((mark) => mark.start <= start && mark.end >= stop),
    };
  });
}

// Whether a document can still be the one that a generation is for: as it was then, with some of the text in it, or with less before the cursor.

export function agrees({ before, after, text }: { before: string; after: string; text: string }, document: string): boolean {
  // What the user typed may have brought a closing bracket or quote with it, which stands before what stood behind the cursor.
  const whole = before + text;
  for (let end = document.length - after.length; end >= 0 && end >= document.length - after.length - MOST_CLOSERS; end--) {
    if (!document.endsWith(after)) return false;
    if (!/^[)\]}>"'`]*$/.test(document.slice(end, document.length - after.length))) return false;
    const typed = document.slice(0, end);
    if (whole.startsWith(typed) || typed.startsWith(whole)) return true;
  }
  return false;
}

const MOST_CLOSERS = 4;

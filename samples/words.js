/** How often each word occurs in a text. */
function countWords(text) {
  const counts = new Map();
  for (const word of text.toLowerCase().split(/\W+/)) {
    if (word === '') continue;
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return counts;
}

/** The words of a text, the most frequent first. */
function mostFrequent(text, limit = 10) {
  const counts = [...countWords(text)];
  counts.sort((a, b) => b[1] - a[1]);
  return counts.slice(0, limit).map(([word]) => word);
}

/** The longest word of a text. Type behind `for (`. */
function longestWord(text) {
  let longest = '';
  for (
  return longest;
}

module.exports = { countWords, mostFrequent, longestWord };

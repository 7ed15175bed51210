// Every English text that the chat view shows by itself. The host sends a dictionary of them in the user's language; `{0}`, `{1}` are places for values.

export const chatTexts = [
  // The conversation as a whole.
  'Conversation',
  'Ask about a selection, a file or an error. Everything stays on this computer.',
  '{0} answers on this computer.',
  'Ask about a selection, a file or an error. What you ask goes to {0}.',
  '{0} answers there.',
  'Goes to {0}',
  'Earlier conversations',
  'New conversation',
  'The turns above no longer fit into what the model can read. They take no part in the answer.',
  'Go to the end',

  // Turns.
  'Your question',
  'Answer',
  'Edit and send again',
  'Copy',
  'Copied',
  'Copy the answer',
  'Regenerate',
  'Continue',
  'Try again',
  'Reasoning',
  'Left out: {0}',

  // What an answer is at.
  'Waiting',
  'Reading {0} tokens',
  '{0} %',
  '{0} s left',
  '{0} min left',
  'Writing',
  '{0} tokens a second',
  '{0} tokens reused',
  '{0} read',
  '{0} s to the first word',
  '{0} tokens written',
  '{0} a second',
  'Stopped.',
  'The answer reached its limit.',
  'The answer failed.',
  'The answer is complete.',
  'Progress',

  // Code in an answer.
  'Code',
  'Code, {0}',
  'Insert',
  'Insert at the cursor',
  'Apply',
  'Apply to the file and show what changes',
  'The line goes on for {0} more characters.',
  'Table',

  // The model.
  'No chat model yet.',
  'Your question is kept and sent when a model is ready.',
  'Find models on this computer',
  'Looking for models on this computer',
  'No model that can answer was found on this computer.',
  'Models on this computer',
  'Use {0}',
  'Choose a GGUF file…',
  'Loading {0}',

  // The input.
  'Question',
  'Ask about your code',
  'Send',
  'Stop',
  'Attach a selection, a file or problems',
  'Remove {0}',
  '{0} of {1}',
  '{0} of {1} tokens',
  'about {0} s to the first word',
  'about {0} min to the first word',
  '{0} tokens',
  'Editing an earlier question. What follows it goes when you send.',
  'Cancel',
] as const;

export type ChatText = (typeof chatTexts)[number];

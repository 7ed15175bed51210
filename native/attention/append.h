// New keys and values into the exact form of the table's tail blocks, and the delta form of those that are read from afar now.
#pragma once
#include "attention/call.h"
#include "attention/threads.h"
#include "kv/encode.h"

namespace deltallm {

/** Checks that the tail entries can take the new tokens: nothing is changed. */
Status checkTail(const Call &call);

/** Stores the new tokens of one layer and KV head. Heads may be stored on several threads at once; countTokens must follow. */
void appendTokens(const Call &call, int kvHead);
/** The blocks hold the new tokens at this layer. */
void countTokens(const Call &call);

/** Gives full blocks that the last new token reads from afar their delta form at this layer; most have it. What is far stays far for later tokens. */
Status encodeFar(const Call &call, Array<HeadDraft> *drafts, Threads *threads);

}  // namespace deltallm

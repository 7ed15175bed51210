// New keys and values into the exact form of the table's tail blocks, and the delta form of those that are read from afar now.
#pragma once
#include "attention/call.h"

namespace deltallm {

/** Checks that the tail entries can take the new tokens: nothing is changed. */
Status checkTail(const Call &call);

/** Stores the new tokens of one layer. */
void appendTokens(const Call &call);

/** Gives full blocks that the last new token reads from afar their delta form at this layer; most have it. What is far stays far for later tokens. */
Status encodeFar(const Call &call);

}  // namespace deltallm

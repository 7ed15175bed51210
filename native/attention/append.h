// New keys and values into the exact form of the table's tail blocks, and the delta form of those that became full.
#pragma once
#include "attention/call.h"

namespace deltallm {

/** Checks that the tail entries can take the new tokens: nothing is changed. */
Status checkTail(const Call &call);

/** Stores the new tokens of one layer and encodes what became full. On failure the caller truncates. */
Status appendTokens(const Call &call);

}  // namespace deltallm

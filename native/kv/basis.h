// Keys in a basis of their layer and KV head. y = A·(k turned back by the origin of its block); src/attention/basis.ts is the specification.
#pragma once
#include "kv/block.h"

namespace deltallm {

/** The position that the keys of a block are turned back by: its base, rounded down to kOriginSpan. */
inline int originOf(int base) { return base / kOriginSpan * kOriginSpan; }

/** Tiles of 64 columns of A⁻¹. */
inline int queryTileCount(int keyLength) { return (keyLength + kBlockTokens - 1) / kBlockTokens; }

/** What a layer needs besides A, `[kvHeads, keyLength, keyLength]` by rows: its inverse and the queries' tiles, the step table multiplied in. invalidArgument where A has no inverse. */
Status prepareBasis(const Setup &setup, const float *basis, LayerSetup *layer);

/** Keys `[64][kMaxLength]` of one head into its basis, in place; a chain over channels, ascending, for each coordinate. */
void toBasis(const Setup &setup, const LayerSetup &layer, int kvHead, int base, double (*keys)[kMaxLength]);
/** One decoded key of `keyLength` elements back, in place. */
void fromBasis(const Setup &setup, const LayerSetup &layer, int kvHead, int base, double *key);

/** How much the thresholds of a token count: e^z, z linear in y, y² and ln‖v‖, within ±2. 1 where the layer has no such table. @param value `[valueLength]` */
double importanceOf(const Setup &setup, const LayerSetup &layer, int kvHead, const double *y, const float *value);

}  // namespace deltallm

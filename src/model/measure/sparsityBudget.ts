// How the zeros of a model are shared out among its layers: each layer gets its next zeros where they cost least.

/** What it costs that this share of a layer's delta elements is zero; costs of layers add up. */
export interface CostPoint {
  sparsity: number;
  cost: number;
}

/** A point with the error of the layer's attention there, Σ‖ô − o‖² / Σ‖o‖². */
export interface MeasuredPoint extends CostPoint {
  error: number;
}

/**
 * The parts of the curves that may be used for `total`: at most `shift` from it, and with at most this error, as long as the others can take the zeros.
 * However large its error, a layer keeps its first two points there: without them it would have no slope.
 */
export function usable(curves: MeasuredPoint[][], total: number, most: { shift: number; error: number }): CostPoint[][] {
  const near = curves.map((curve) => curve.filter(({ sparsity }) => Math.abs(sparsity - total) <= most.shift));
  const bounded = near.map((points) => points.filter(({ error }, i) => i < 2 || error <= most.error));
  const reach = bounded.reduce((n, points) => n + (points.at(-1)?.sparsity ?? 0), 0) / curves.length;
  return reach >= total ? bounded : near;
}

/**
 * The sparsity of each layer, `total` on average (layers have the same number of elements), with the least sum of costs. Costs are read off the lower
 * convex hull of a layer's points, so that in the end all layers stand at the same slope. Without points on both sides of `total`: `total` for each.
 * @param curves points of each layer, by rising sparsity
 */
export function shareOut(curves: CostPoint[][], total: number): number[] {
  const hulls = curves.map(lowerHull);
  const mean = (of: (hull: CostPoint[]) => number) => hulls.reduce((n, hull) => n + of(hull), 0) / hulls.length;
  if (hulls.some((hull) => hull.length < 2) || mean((hull) => hull[0].sparsity) > total || mean((hull) => hull.at(-1)!.sparsity) < total) return curves.map(() => total);
  const pieces = hulls.flatMap((hull, layer) => hull.slice(1).map((to, i) => {
    const zeros = to.sparsity - hull[i].sparsity;
    return { layer, zeros, slope: (to.cost - hull[i].cost) / zeros };
  }));
  const shares = hulls.map((hull) => hull[0].sparsity);
  let left = total * hulls.length - shares.reduce((a, b) => a + b, 0);
  // Within a layer slopes rise, so that its pieces come in order.
  for (const { layer, zeros } of pieces.sort((a, b) => a.slope - b.slope)) {
    const taken = Math.min(zeros, left);
    shares[layer] += taken;
    left -= taken;
  }
  return shares;
}

/** The points that no line between two others passes below. */
function lowerHull(points: CostPoint[]): CostPoint[] {
  const hull: CostPoint[] = [];
  for (const point of points) {
    if (hull.length > 0 && point.sparsity <= hull.at(-1)!.sparsity) continue;
    while (hull.length > 1 && isAbove(hull.at(-2)!, hull.at(-1)!, point)) hull.pop();
    hull.push(point);
  }
  return hull;
}

const isAbove = (a: CostPoint, middle: CostPoint, b: CostPoint) => (middle.cost - a.cost) * (b.sparsity - a.sparsity) >= (b.cost - a.cost) * (middle.sparsity - a.sparsity);

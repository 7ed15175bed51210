// How the zeros of a model are shared out among its layers: each layer gets its next zeros where they cost least.

/** What it costs that this share of a layer's delta elements is zero; costs of layers add up. */
export interface CostPoint {
  sparsity: number;
  cost: number;
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

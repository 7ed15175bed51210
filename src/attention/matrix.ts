// Small dense matrices in double precision, row by row in one array.

/** The inverse of a square matrix, Gauss–Jordan with partial pivoting; undefined where it is singular. The same bits everywhere: nothing but IEEE sums, products and quotients. */
export function inverseOf(matrix: ArrayLike<number>, n: number): Float64Array | undefined {
  const a = Float64Array.from(matrix);
  const inverse = new Float64Array(n * n);
  for (let i = 0; i < n; i++) inverse[i * n + i] = 1;
  for (let c = 0; c < n; c++) {
    let pivot = c;
    for (let r = c + 1; r < n; r++) if (Math.abs(a[r * n + c]) > Math.abs(a[pivot * n + c])) pivot = r;
    const divisor = a[pivot * n + c];
    if (!(Math.abs(divisor) > 0) || !Number.isFinite(divisor)) return undefined;
    for (const m of [a, inverse]) {
      for (let j = 0; j < n; j++) {
        const lower = m[pivot * n + j];
        m[pivot * n + j] = m[c * n + j];
        m[c * n + j] = lower / divisor;
      }
    }
    for (let r = 0; r < n; r++) {
      const factor = a[r * n + c];
      if (r === c || factor === 0) continue;
      for (const m of [a, inverse]) for (let j = 0; j < n; j++) m[r * n + j] -= factor * m[c * n + j];
    }
  }
  return inverse.every(Number.isFinite) ? inverse : undefined;
}

/** Eigenvalues of a symmetric matrix, falling, and its eigenvectors as the columns of `vectors` (cyclic Jacobi rotations). */
export function eigen(matrix: ArrayLike<number>, n: number): { values: Float64Array; vectors: Float64Array } {
  const a = Float64Array.from(matrix);
  const v = new Float64Array(n * n);
  for (let i = 0; i < n; i++) v[i * n + i] = 1;
  const off = () => {
    let sum = 0;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) sum += a[p * n + q] ** 2;
    return sum;
  };
  const enough = 1e-22 * a.reduce((sum, x) => sum + x * x, 0);
  for (let sweep = 0; sweep < 40 && off() > enough; sweep++) {
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        if (a[p * n + q] === 0) continue;
        const ratio = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
        const t = (ratio >= 0 ? 1 : -1) / (Math.abs(ratio) + Math.sqrt(ratio * ratio + 1));
        const c = 1 / Math.sqrt(t * t + 1);
        const s = t * c;
        for (let k = 0; k < n; k++) {
          const [x, y] = [a[k * n + p], a[k * n + q]];
          a[k * n + p] = c * x - s * y;
          a[k * n + q] = s * x + c * y;
        }
        for (let k = 0; k < n; k++) {
          const [x, y] = [a[p * n + k], a[q * n + k]];
          a[p * n + k] = c * x - s * y;
          a[q * n + k] = s * x + c * y;
          const [vx, vy] = [v[k * n + p], v[k * n + q]];
          v[k * n + p] = c * vx - s * vy;
          v[k * n + q] = s * vx + c * vy;
        }
      }
    }
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => a[j * n + j] - a[i * n + i]);
  return { values: Float64Array.from(order, (i) => a[i * n + i]), vectors: Float64Array.from({ length: n * n }, (_, at) => v[Math.floor(at / n) * n + order[at % n]]) };
}

/** `left · right` of square matrices. */
export function product(left: ArrayLike<number>, right: ArrayLike<number>, n: number): Float64Array {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let k = 0; k < n; k++) for (let j = 0, x = left[i * n + k]; j < n; j++) out[i * n + j] += x * right[k * n + j];
  return out;
}

export function transposed(matrix: ArrayLike<number>, n: number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, at) => matrix[(at % n) * n + Math.floor(at / n)]);
}

/** The solution x of `matrix · x = right` for a symmetric positive matrix, by Cholesky's factors. */
export function solvePositive(matrix: ArrayLike<number>, right: ArrayLike<number>, n: number): Float64Array {
  const l = Float64Array.from(matrix);
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      let sum = l[i * n + j];
      for (let k = 0; k < j; k++) sum -= l[i * n + k] * l[j * n + k];
      l[i * n + j] = i === j ? Math.sqrt(sum) : sum / l[j * n + j];
    }
  }
  const x = Float64Array.from(right);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i] -= l[i * n + k] * x[k];
    x[i] /= l[i * n + i];
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i] -= l[k * n + i] * x[k];
    x[i] /= l[i * n + i];
  }
  return x;
}

"""The rules of evidence once more, in plain Python and by other ways than nas/bayes/ goes, so that each checks the
other. Groups are lists of places; S = G / lambda, b = (G w - g) / lambda, s = H / lambda, q = (H w - g) / lambda."""
import math


def log_evidence(q, s, v):
    return 0.5 * sum(a * a * v / (1 + v * c) - math.log1p(v * c) for a, c in zip(q, s))


def best_variance(q, s):
    """(v, strength) by golden-section search around the best point of a logarithmic grid."""
    informed = [(a, c) for a, c in zip(q, s) if c > 0]
    if not informed:
        return 0.0, 0.0
    q, s = zip(*informed)
    highest = max((a * a - c) / (c * c) for a, c in informed)
    if highest <= 0:
        return 0.0, 0.0
    grid = [highest * math.exp(-i / 4) for i in range(120)]
    at = max(range(len(grid)), key=lambda i: log_evidence(q, s, grid[i]))
    low, high = math.log(grid[min(at + 1, len(grid) - 1)]), math.log(grid[max(at - 1, 0)])
    ratio = (math.sqrt(5) - 1) / 2
    for _ in range(80):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if log_evidence(q, s, math.exp(left)) < log_evidence(q, s, math.exp(right)):
            low = left
        else:
            high = right
    v = math.exp((low + high) / 2)
    strength = log_evidence(q, s, v)
    return (v, strength) if strength > 0 else (0.0, 0.0)


def solve(A, columns):
    """(A^-1 columns, log det A) of a symmetric positive definite A, by L D L^T."""
    n = len(A)
    L, D = [row[:] for row in A], [0.0] * n
    for j in range(n):
        row = L[j]
        for k in range(j):
            row[k] = (row[k] - sum(x * y * d for x, y, d in zip(row[:k], L[k][:k], D))) / D[k]
        D[j] = A[j][j] - sum(x * x * d for x, d in zip(row[:j], D))
    solved = []
    for column in columns:
        x = column[:]
        for i in range(n):
            x[i] -= sum(a * y for a, y in zip(L[i][:i], x))
        x = [value / d for value, d in zip(x, D)]
        for i in reversed(range(n)):
            x[i] -= sum(L[k][i] * x[k] for k in range(i + 1, n))
        solved.append(x)
    return solved, sum(map(math.log, D))


def eigen(A):
    """Eigenvalues and eigenvectors (rows) of a small symmetric matrix, by Jacobi's rotations."""
    n, A = len(A), [row[:] for row in A]
    V = [[float(i == j) for j in range(n)] for i in range(n)]
    for _ in range(60):
        for p in range(n):
            for r in range(p + 1, n):
                if A[p][r] == 0:
                    continue
                angle = 0.5 * math.atan2(2 * A[p][r], A[r][r] - A[p][p])
                c, s = math.cos(angle), math.sin(angle)
                for k in range(n):
                    A[k][p], A[k][r] = c * A[k][p] - s * A[k][r], s * A[k][p] + c * A[k][r]
                for k in range(n):
                    A[p][k], A[r][k] = c * A[p][k] - s * A[r][k], s * A[p][k] + c * A[r][k]
                V[p], V[r] = [c * x - s * y for x, y in zip(V[p], V[r])], [s * x + c * y for x, y in zip(V[p], V[r])]
    return [A[i][i] for i in range(n)], V


class Joint:
    def __init__(self, S, b, groups):
        self.S, self.b = S, b
        self.largest = max(S[k][k] for k in range(len(b)))
        self.groups = [[k for k in group if S[k][k] > 1e-12 * self.largest] for group in groups]

    def present(self, v, without=()):
        return [(k, v[g]) for g, group in enumerate(self.groups) if v[g] > 0 and g not in without for k in group]

    def precision(self, present):
        """Symmetrically scaled by sqrt(v): I + V^1/2 S V^1/2."""
        return [[math.sqrt(vi * vj) * self.S[i][j] + (i == j) for j, vj in present] for i, vi in present]

    def at(self, v, without=()):
        present = self.present(v, without)
        if not present:
            return 0.0
        b = [math.sqrt(vi) * self.b[i] for i, vi in present]
        (x,), log_det = solve(self.precision(present), [b])
        return 0.5 * (sum(map(float.__mul__, b, x)) - log_det)

    def best(self, v, g):
        members, present = self.groups[g], self.present(v, {g})
        left = [[self.S[i][j] for j in members] for i in members]
        q = [self.b[i] for i in members]
        if present and members:
            rows = [[math.sqrt(vk) * self.S[k][i] for k, vk in present] for i in members]
            b = [math.sqrt(vk) * self.b[k] for k, vk in present]
            solved, _ = solve(self.precision(present), rows)
            left = [[left[i][j] - sum(map(float.__mul__, rows[j], solved[i])) for j in range(len(members))]
                    for i in range(len(members))]
            q = [q[i] - sum(map(float.__mul__, b, solved[i])) for i in range(len(members))]
        values, vectors = eigen(left) if members else ([], [])
        kept = [i for i, value in enumerate(values) if value > 1e-12 * self.largest]
        return best_variance([sum(map(float.__mul__, vectors[i], q)) for i in kept], [values[i] for i in kept])

    def strengths(self):
        """Of all groups after the ascent: what is lost without each."""
        v, evidence = [0.0] * len(self.groups), 0.0
        for _ in range(100):
            for g in range(len(self.groups)):
                v[g], _ = self.best(v, g)
            before, evidence = evidence, self.at(v)
            if evidence - before <= 1e-10 * abs(evidence):
                break
        return [max(0.0, evidence - self.at(v, {g})) if v[g] > 0 else 0.0 for g in range(len(v))]

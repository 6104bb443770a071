"""Bootstrap intervals by numpy, from the streams of model/numbers/random.c: what tests/unit/stages/test_metrics.c,
test_paired.c and test_differences.c expect. Needs numpy. Prints the numbers."""
import numpy

MASK = (1 << 64) - 1
SEED, RESAMPLES = 7, 500


class Stream:
    """SplitMix64 of a seed and a stream."""

    def __init__(self, seed, stream):
        self.state = seed
        self.state = self.next() ^ (stream * 0xD1342543DE82EF95 & MASK)
        self.state = self.next()

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
        return z ^ (z >> 31)

    def below(self, bound):
        limit = MASK - MASK % bound
        while True:
            draw = self.next()
            if draw < limit:
                return draw % bound


def resampled(cluster):
    """The items of each resample: clusters in the order of first appearance, each with all of its items."""
    names = list(dict.fromkeys(cluster))
    items = [numpy.flatnonzero(numpy.array(cluster) == name) for name in names]
    for r in range(RESAMPLES):
        stream = Stream(SEED, r)
        yield [items[stream.below(len(items))] for _ in items]


def interval(values):
    return [numpy.quantile(values, 0.025), numpy.quantile(values, 0.975)]


def of_mean(value, cluster):
    """The mean over all items that are drawn, an item as often as it is."""
    value = numpy.array(value, dtype=float)
    return interval([value[numpy.concatenate(drawn)].mean() for drawn in resampled(cluster)])


def of_terms(stereo, anti, unrelated, term):
    """SS, LMS, ICAT, macro and micro, of each resample."""
    ss = 100.0 * (numpy.array(stereo) > anti)
    lms = 50.0 * ((numpy.array(stereo) > unrelated).astype(float) + (numpy.array(anti) > unrelated))
    rows = []
    for drawn in resampled(term):
        items = numpy.concatenate(drawn)
        both = [(numpy.mean([x[d].mean() for d in drawn]), x[items].mean()) for x in (ss, lms)]
        icat = [both[1][k] * min(both[0][k], 100 - both[0][k]) / 50 for k in range(2)]
        rows.append([*both[0], *both[1], *icat])
    return numpy.array(rows)


CLUSTER = [5, 5, 0, 5, 9, 2, 9, 2]
VALUE = [0.5, 1.25, 4, 0.75, 3, -2, 2, -1]
FLAG = [1, 1, 0, 1, 0, 1, 1, 1]
AFTER = [1, 0.25, 5, 0.75, 1, -2.5, 2, 1]
print("mean", of_mean(VALUE, CLUSTER))
print("share", of_mean([100.0 * x for x in FLAG], CLUSTER))
print("gap", of_mean(numpy.abs(numpy.array(VALUE) - AFTER), CLUSTER))
print("change", of_mean(numpy.array(AFTER) - VALUE, CLUSTER))
print("change of 5, by item", of_mean([-0.25, 0.25, -1.5, 0, -2], list(range(5))))

TERM = [0, 0, 0, 1, 1, 2, 2]
UNRELATED = [1, 2.5, 0, 0, 2.5, 0, 0]
before = of_terms([3, 1, 3, 1, 3, 3, 1], [2] * 7, UNRELATED, TERM)
after = of_terms([1, 3, 3, 1, 1, 3, 3], [2] * 7, UNRELATED, TERM)
names = ["ss.macro", "ss.micro", "lms.macro", "lms.micro", "icat.macro", "icat.micro"]
for k, name in enumerate(names):
    print(name, interval(before[:, k]), "change", interval(after[:, k] - before[:, k]))


# tests/unit/stages/test_differences.c: method B less method A, of distances to the ideal where it is 50
def of_pair(a, b, cluster, ideal=None):
    """Interval of mean b less mean a, or of their distances to the ideal, over the same draws."""
    a, b = numpy.array(a, dtype=float), numpy.array(b, dtype=float)
    rows = []
    for drawn in resampled(cluster):
        items = numpy.concatenate(drawn)
        one, other = b[items].mean(), a[items].mean()
        rows.append(one - other if ideal is None else abs(one - ideal) - abs(other - ideal))
    return interval(rows)


A = numpy.array([1, -1, 2, -0.5, 1, 0.5, -1, 0.5])
B = numpy.array([0.5, 0.25, -1, 0.5, -2, -0.25, 1, -1])
TERM = [0, 0, 0, 1, 1, 2, 3, 3]
print("gap, B less A", of_pair(abs(A), abs(B), TERM))
print("SS micro off 50, B less A", of_pair(100 * (A > 0), 100 * (B > 0), TERM, 50))
macro = [[numpy.mean([100.0 * (x[d] > 0).mean() for d in drawn]) for x in (A, B)] for drawn in resampled(TERM)]
print("SS macro off 50, B less A", interval([abs(b - 50) - abs(a - 50) for a, b in macro]))
print("SS macro, B less A", interval([b - a for a, b in macro]))
SUBJECT = [0, 0, 1, 1, 2, 3]
print("DS, B less A", of_pair([100] * 6, [100, 0, 0, 0, 0, 0], SUBJECT))
print("RS, B less A", of_pair([100, 100, 100, 0, 100, 100], [100, 0, 0, 100, 0, 0], SUBJECT))
print("PS off 50, B less A", of_pair([100] * 3, [0, 100, 0], [0, 1, 2], 50))

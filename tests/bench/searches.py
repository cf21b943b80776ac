"""What scripts that compare searches share: runs that are made once and resumed, the table of NAS-Bench-201, means."""
import csv
import gzip
import json
import math
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLUMNS = {'c10_test_200': 'CIFAR-10', 'c100_test_200': 'CIFAR-100', 'im120_test_200': 'ImageNet16-120'}


def refuse(reason):
    sys.exit(f'error: {reason}')


def require(path, what):
    if not path or not pathlib.Path(path).exists():
        refuse(f'{what} {path or "(none)"} is not there; nothing was run.')


def numbers(text):
    """"1-10" or "1,2,5"."""
    result = []
    for part in text.split(','):
        first, _, last = part.partition('-')
        result += range(int(first), int(last or first) + 1)
    return result


def add_common(parser, needs_table=False):
    add = parser.add_argument
    add('--data', required=True, help="CIFAR-10's binary files, as ockham-search takes it")
    if needs_table:
        add('--table', required=True, help='CSV file of NAS-Bench-201')
    add('--out', required=True, type=pathlib.Path, help='folder of all runs and results; what is finished is skipped')
    add('--threads', type=int, default=2, help='of a run [2]')
    add('--bin', type=pathlib.Path, default=ROOT / 'build/bin', help='folder of the programs [build/bin]')


def run(program, folder, arguments, log=sys.stderr):
    """The summary of a run in a folder: made, resumed where it was cut off, or read where it has finished."""
    if not (folder / 'summary.json').exists():
        began = (folder / 'config.ini').exists()
        order = ['--resume', folder] if began else [*arguments, '--overwrite', '--out', folder]
        folder.parent.mkdir(parents=True, exist_ok=True)
        print(f'{folder.name}: {"resumes" if began else "starts"}', file=log, flush=True)
        done = subprocess.run([program, *map(str, order), '--quiet'], capture_output=True, text=True)
        if done.returncode != 0:
            refuse(f'{folder}: {pathlib.Path(program).name} ended with {done.returncode}: {done.stderr.strip()[-600:]}')
    return json.loads((folder / 'summary.json').read_text())


def write(path, result):
    """Complete or not at all, so that a result that is there is finished."""
    partial = path.with_suffix('.partial')
    partial.write_text(json.dumps(result, indent=1) + '\n')
    partial.rename(path)


def mean_sd(values):
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else math.nan


def text_of(values, digits=2):
    mean, sd = mean_sd(values)
    return f'{mean:.{digits}f}' + ('' if math.isnan(sd) else f' +- {sd:.{digits}f}')


def markdown(header, rows):
    lines = [header, ['---'] * len(header), *rows]
    return '\n'.join('| ' + ' | '.join(map(str, line)) + ' |' for line in lines)


class NasBench201:
    """True accuracies by cell; a cell is six of OPERATIONS, by edge 1<-0, 2<-0, 2<-1, 3<-0, 3<-1, 3<-2."""
    OPERATIONS = ['none', 'skip_connect', 'nor_conv_1x1', 'nor_conv_3x3', 'avg_pool_3x3']

    def __init__(self, path):
        opener = gzip.open if str(path).endswith('.gz') else open
        with opener(path, 'rt') as file:
            rows = list(csv.DictReader(file))
        self.accuracy = {self.parse(row['arch']): {c: float(row[c]) for c in COLUMNS} for row in rows}
        self.macs = {self.parse(row['arch']): int(row['macs_c10']) for row in rows}
        if len(self.accuracy) != 5 ** 6:
            refuse(f'{path}: {len(self.accuracy)} cells, not the 15,625 of NAS-Bench-201.')

    @staticmethod
    def parse(text):
        return tuple(part.split('~')[0] for part in text.replace('+', '').split('|') if part)

    def neighbours(self, cell):
        for edge in range(len(cell)):
            for operation in self.OPERATIONS:
                if operation != cell[edge]:
                    yield (*cell[:edge], operation, *cell[edge + 1:])

    def rank_beside_neighbours(self, cell, column='c10_test_200'):
        """1: none of the 24 cells that differ in one edge is better."""
        own = self.accuracy[cell][column]
        return 1 + sum(self.accuracy[other][column] > own for other in self.neighbours(cell))

    def is_collapsed(self, cell):
        """Below 85 % on CIFAR-10, or more than half of the operations skip connections or none."""
        idle = sum(operation in ('none', 'skip_connect') for operation in cell)
        return self.accuracy[cell]['c10_test_200'] < 85 or 2 * idle > len(cell)

    def describe(self, cell):
        code = ''.join(str(self.OPERATIONS.index(operation)) for operation in cell)
        return {'cell': code, **self.accuracy[cell], 'rank_of_25': self.rank_beside_neighbours(cell),
                'collapsed': self.is_collapsed(cell)}

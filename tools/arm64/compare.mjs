// How far two machines' scores and maps of the same pictures lie from one another.
import { readFileSync } from 'node:fs';

/** `reference` and `results` are the lines of score.mjs; `scale`: the bundle's threshold, and what good parts usually score. */
export function comparisonOf(reference, results, { threshold, usual }) {
	const machine = (lines) => lines.find(({ kind }) => kind === 'machine');
	const scores = (lines) => lines.filter(({ kind }) => kind === 'scores');
	const pairs = scores(results).map((result) => [
		result,
		scores(reference).find(({ precision }) => precision === result.precision),
	]);
	const way = threshold - usual;
	const precisions = pairs.map(([result, wanted]) => {
		const differences = Object.entries(wanted.scores).map(([part, score]) =>
			Math.abs(score - result.scores[part]),
		);
		const flips = Object.entries(wanted.scores).filter(
			([part, score]) => score > threshold !== result.scores[part] > threshold,
		).length;
		const score = spread(differences);
		const map = spread(mapDifferences(wanted.maps, result.maps));
		const share = score.most / way;
		return [
			result.precision,
			{ golden: result.golden, score, share, map, flips, msEach: result.msEach, hereMsEach: wanted.msEach },
		];
	});
	const ratios = precisions.map(([, { msEach, hereMsEach }]) => msEach / hereMsEach);
	return {
		sameInputs: machine(results).inputs === machine(reference).inputs,
		exactProducts: machine(results).exactProducts,
		slower: spread(ratios).median,
		precisions: Object.fromEntries(precisions),
	};
}

/** Lines for a person. */
export function worded({ sameInputs, exactProducts, precisions }, { name, stands }) {
	const lines = Object.entries(precisions).map(
		([precision, { golden, score, share, map, flips, msEach }]) => {
			const far = ({ most, median }) =>
				`at most ${most.toExponential(1)}, in the middle ${median.toExponential(1)}`;
			const proof = golden === null ? 'golden vectors hold' : golden.message;
			return `  ${precision.padEnd(4)}  score ${far(score)} (${(100 * share).toFixed(1)} % of the way from usual to the threshold); map ${far(map)}; ${flips} flips; ${(msEach / 1000).toFixed(1)} s a picture; ${proof}`;
		},
	);
	return [
		`${name} (${stands}): pictures ${sameInputs ? 'prepared to the same bytes' : 'PREPARED OTHERWISE'}, products of int8 ${exactProducts ? 'exact' : 'SATURATE'}`,
		...lines,
	];
}

function mapDifferences(...files) {
	const [a, b] = files.map((file) => {
		const { buffer, byteOffset, byteLength } = readFileSync(file);
		return new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength));
	});
	return a.map((value, i) => Math.abs(value - b[i]));
}

function spread(values) {
	const sorted = [...values].sort((a, b) => a - b);
	return { most: sorted.at(-1), median: sorted[Math.floor(sorted.length / 2)] };
}

import type { EngineProgress } from '../protocol/engine-messages.js';
import type { Line } from './lines.js';

/** Shares of a build when these are reached; measuring the layers is most of it, and is counted. */
const PARSED = 0.05;
const MEASURED = 0.9;

/** What trtexec says when a part of its work is done, and how far it is then. */
const marks: readonly (readonly [said: RegExp, share: number])[] = [
	[/^Finish(?:ed)? parsing network model/, PARSED],
	[/^Detected \d+ inputs? and \d+ output network tensors/, MEASURED],
	[/^Engine generation completed in /, 0.97],
	[/^Engine built in /, 0.98],
	[/^Created engine with size: /, 0.99],
	[/^&&&& PASSED /, 1],
];

/** How many layers are left after a pass over the network: the last number before they are measured counts. */
const LAYERS = /^(?:Original|After .*): (\d+) layers$/;
const MEASURING = /^=+ Computing costs for ?(.*?)$/;

const MOST_SHOWN = 160;

/**
 * Hears what trtexec says, line by line, and tells how far it is where that is news: a share never falls, never exceeds 1, and is null
 * until trtexec tells. TensorRT says on the way which layers it measures, not how long each takes.
 */
export function buildProgress(): (line: Line) => EngineProgress | undefined {
	let share: number | null = null;
	let layers = 0;
	let measured = 0;
	const progress = (line: string): EngineProgress => ({ phase: 'building', share, line: shown(line) });
	return ({ severity, text }) => {
		const left = measured === 0 && LAYERS.exec(text)?.[1];
		if (left) layers = Number(left);
		const [measuring, layer] = MEASURING.exec(text) ?? [];
		if (measuring !== undefined) {
			measured += 1;
			// A layer in several formats is measured several times in some releases.
			layers = Math.max(layers, measured);
			share = Math.max(share ?? 0, PARSED + ((MEASURED - PARSED) * (measured - 1)) / layers);
			return progress(layer ? `measures ${layer}` : `measures layer ${measured} of ${layers}`);
		}
		const mark = marks.find(([said]) => said.test(text));
		if (mark) share = Math.max(share ?? 0, mark[1]);
		return mark || (severity !== 'V' && text !== '') ? progress(text) : undefined;
	};
}

function shown(text: string): string {
	return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN - 1)}…` : text;
}

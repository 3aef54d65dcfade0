import type { FailureCode } from '../base/failure.js';
import type { Doubt, Verdict } from '../protocol/verdict.js';

/** Everything that a verdict rests on. */
export type Evidence = {
	readonly score: number;
	readonly threshold: number;
	/** From the taking of the frame to its score. */
	readonly ageMs: number;
	readonly deadlineMs: number;
	/** SHA-256 of what the engine was given, and of the model that the recipe names. */
	readonly model: string;
	readonly recipeModel: string;
	/** Where the model ran by ONNX Runtime's own record, and what was chosen of what the recipe allows. */
	readonly provider: string;
	readonly allowedProvider: string;
};

export type Decision = {
	readonly verdict: Verdict;
	readonly error?: { readonly code: FailureCode; readonly message: string; readonly doubt: Doubt };
};

/** The house's first rule: 'accept' only for a score at or below the threshold, measured in time by the right model on the right provider. */
export function decide(evidence: Evidence): Decision {
	const { score, threshold, ageMs, deadlineMs, model, recipeModel, provider, allowedProvider } = evidence;
	const error = (doubt: Doubt, message: string): Decision => ({
		verdict: 'error',
		error: { code: 'verdict-unproven', message, doubt },
	});
	if (!Number.isFinite(score))
		return error('score-invalid', `the score is ${score}: it is no number, or a value of the map is none`);
	if (!Number.isFinite(threshold))
		return error('score-invalid', `the threshold is ${threshold}, which is no number`);
	if (model !== recipeModel) return error('model-mistaken', 'another model scored than the recipe names');
	if (provider !== allowedProvider)
		return error('provider-mistaken', `the model ran on "${provider}", allowed is "${allowedProvider}"`);
	if (!(ageMs <= deadlineMs))
		return error(
			'too-late',
			`the score came ${Math.round(ageMs)} ms after the frame, allowed are ${deadlineMs} ms`,
		);
	return { verdict: score <= threshold ? 'accept' : 'reject' };
}

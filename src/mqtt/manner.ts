import type { Ending } from './connection.js';
import type { Limits } from './outlet.js';
import { reason } from './reasons.js';

type Manner = {
	readonly version: 4 | 5;
	readonly will: { readonly qos: 0 | 1; readonly retain: boolean } | undefined;
};

/**
 * How the broker wants to be spoken to. What it refuses with a reason is said otherwise from then on; when it closes without a
 * word, lesser ways are tried in turn, and what they show holds for one connection: it may have been a chance.
 */
export function createManner(version: 4 | 5) {
	const whole = { qos: 1, retain: true } as const;
	const best: Manner = { version, will: whole };
	const wordless: readonly Manner[] = [
		best,
		best,
		...(version === 5 ? [{ version: 4, will: whole } as const] : []),
		{ version: 4, will: { ...whole, retain: false } },
		{ version: 4, will: { ...whole, qos: 0 } },
		{ version: 4, will: undefined },
	];
	let current = best;
	let tried = 0;
	/** Whether a CONNECT without a will has been taken after one with a will was not authorised. */
	let takenWithout = false;
	return {
		get current() {
			return current;
		},
		refused: ({ code, cause }: Ending): void => {
			const { will } = current;
			if (code !== reason.notAuthorised) takenWithout = false;
			if (code === reason.unsupportedVersion) current = { version: 4, will };
			else if (code === reason.noRetain && will) current = { ...current, will: { ...will, retain: false } };
			else if (code === reason.noQos && will) current = { ...current, will: { ...will, qos: 0 } };
			else if (code === reason.notAuthorised) current = { ...current, will: will ? undefined : whole };
			else if (code === undefined && (cause === undefined || cause === 'ECONNRESET')) {
				tried += 1;
				current = wordless[tried % wordless.length]!;
			}
		},
		/** Whether to knock again with a will: what was not authorised before may have been the credentials, which are right now. */
		again: (): boolean => {
			if (current.will || tried > 0 || takenWithout) return false;
			takenWithout = true;
			current = { ...current, will: whole };
			return true;
		},
		/** A broker that took a lesser will alone takes lesser messages alone. */
		within: (limits: Limits): Limits => ({
			...limits,
			...(current.will?.qos === 0 && { maximumQos: 0 }),
			...(current.will?.retain === false && { retainAvailable: false }),
		}),
		ended: (): void => {
			if (tried > 0 || !current.will) current = best;
			tried = 0;
			takenWithout = false;
		},
	};
}

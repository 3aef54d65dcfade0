import { z } from 'zod';
import { didYouMean, quoted } from '../base/words.js';
import { faultsIn } from '../config/faults.js';
import type { Fault } from './answer.js';
import { decodeFrom } from './decode.js';
import { instant } from './fields.js';
import { type Ask, REQUESTS, type RequestName, requestNames } from './requests.js';
import { type Signature, signatureSchema } from './signature.js';

const id = z
	.string()
	.regex(/^[\x21-\x7e]{1,64}$/, 'must be 1 to 64 printable characters without spaces')
	.describe('Chosen by who asks, once for each request: what comes again with it gets the kept answer.');

const client = z
	.string()
	.regex(
		/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/,
		'must be letters, digits, "-", "_" or ".", at most 64, and start with a letter or digit',
	)
	.describe('Who asks: the answer goes to `<root>/<box>/answer/<client>`. Needless with a response topic.');

/** What every request has. */
export const envelopeSchema = z.strictObject({
	id: id.optional().describe(`${id.description} Needless with correlation data.`),
	client: client.optional(),
	before: instant.optional().describe('Not to be done after this moment.'),
	signature: signatureSchema.optional(),
});

/** Who a request is from and how it is answered, as far as that can be read. */
export type Envelope = {
	readonly id?: string | undefined;
	readonly client?: string | undefined;
	readonly before?: string | undefined;
	readonly signature?: Signature | undefined;
};

export type Refused = {
	readonly code: 'invalid' | 'unknown';
	readonly text: string;
	readonly faults: readonly Fault[];
};

/** `envelope` stands also where the rest is refused, with what could be read of it. */
export type Read = { readonly envelope: Envelope } & (
	| {
			readonly request: { [N in RequestName]: { readonly name: N; readonly ask: Ask<N> } }[RequestName];
			/** What is asked as it was sent, which is what a signature is for. */
			readonly sent: object;
	  }
	| { readonly refused: Refused }
);

const DEPTH = 16;

/** Faults that are told, and of each so many characters. */
const MOST_FAULTS = 20;
const LONGEST = 200;

/** Reads a request as it came; no bytes ask nothing. */
export function readRequest(name: string, bytes: Uint8Array): Read {
	const row = Object.hasOwn(REQUESTS, name) ? REQUESTS[name as RequestName] : undefined;
	const most = row?.bytes ?? 4096;
	const read =
		bytes.length === 0 ? { value: {} } : decodeFrom(z.unknown(), bytes, { bytes: most, depth: DEPTH });
	if ('refusal' in read) return { envelope: {}, refused: invalid([{ path: '', message: read.refusal }]) };
	const known = envelopeIn(read.value);
	if (!row) {
		const text = `There is no request ${quoted(name)}${didYouMean(name, requestNames)}`;
		return { envelope: known, refused: { code: 'unknown', text, faults: [] } };
	}
	const whole = z.strictObject({ ...envelopeSchema.shape, ...row.ask.shape });
	const result = whole.safeParse(read.value);
	if (!result.success) {
		const wrong = faultsIn(whole, result.error.issues, { whole: read.value, format: 'JSON' });
		const faults = wrong.map(({ path, message }) => ({
			path: path.map(String).join('.').slice(0, LONGEST),
			message: message.slice(0, 2 * LONGEST),
		}));
		return { envelope: known, refused: invalid(faults) };
	}
	const request = { name, ask: withoutEnvelope(result.data) };
	return {
		envelope: result.data as Envelope,
		request: request as never,
		sent: withoutEnvelope(read.value as object),
	};
}

/** What is asked, without what every request has. */
export function withoutEnvelope(whole: object): object {
	const { id: _id, client: _client, before: _before, signature: _signature, ...ask } = whole as Envelope;
	return ask;
}

/** The parts of an envelope that are right, of whatever was sent. */
function envelopeIn(value: unknown): Envelope {
	if (typeof value !== 'object' || value === null) return {};
	const sent = value as Readonly<Record<string, unknown>>;
	return {
		...(id.safeParse(sent.id).success && { id: sent.id as string }),
		...(client.safeParse(sent.client).success && { client: sent.client as string }),
	};
}

function invalid(faults: readonly Fault[]): Refused {
	const [first] = faults;
	const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : '';
	const text = first ? `${first.path === '' ? '' : `${first.path}: `}${first.message}${more}` : '';
	const told = faults.slice(0, MOST_FAULTS);
	return { code: 'invalid', text, faults: told };
}

/** What is to become of a message after an answer: it has arrived, it may arrive later, it will never. */
export type Fate = 'delivered' | 'later' | 'never';

/** Why a connection ended: because of the message that was on its way, for another reason, or nobody knows. */
export type Blame = 'message' | 'connection' | 'unknown';

type Meaning = { readonly says: string; readonly fate?: Fate; readonly blame?: Blame };

/** MQTT 5.0, section 2.4, as far as a broker says them to us. */
const meanings: Readonly<Record<number, Meaning>> = {
	0: { says: 'success', fate: 'delivered' },
	16: { says: 'nobody listens', fate: 'delivered' },
	128: { says: 'unspecified error' },
	129: { says: 'malformed packet', blame: 'message' },
	130: { says: 'protocol error', blame: 'message' },
	131: { says: 'an error of its own' },
	132: { says: 'it does not speak this version of MQTT' },
	133: { says: 'the client id is not valid' },
	134: { says: 'bad user name or password' },
	135: { says: 'not authorised', fate: 'never', blame: 'message' },
	136: { says: 'not available', blame: 'connection' },
	137: { says: 'too busy', blame: 'connection' },
	138: { says: 'this client is banned', blame: 'connection' },
	139: { says: 'it shuts down', blame: 'connection' },
	140: { says: 'bad authentication method', blame: 'connection' },
	141: { says: 'it heard nothing for too long', blame: 'connection' },
	142: { says: 'another client took the session over', blame: 'connection' },
	143: { says: 'topic filter invalid', fate: 'never' },
	144: { says: 'topic name invalid', fate: 'never', blame: 'message' },
	145: { says: 'packet identifier in use' },
	147: { says: 'too many messages at a time', blame: 'connection' },
	149: { says: 'message too large', fate: 'never', blame: 'message' },
	150: { says: 'messages come too fast', blame: 'connection' },
	151: { says: 'quota exceeded', blame: 'connection' },
	152: { says: 'ended by its administrator', blame: 'connection' },
	153: { says: 'payload format invalid', fate: 'never', blame: 'message' },
	154: { says: 'no retained messages', fate: 'never', blame: 'message' },
	155: { says: 'QoS 1 not supported', fate: 'never', blame: 'message' },
	156: { says: 'use another server', blame: 'connection' },
	157: { says: 'the server moved', blame: 'connection' },
	159: { says: 'connections come too fast', blame: 'connection' },
	160: { says: 'connected for too long', blame: 'connection' },
};

/** MQTT 3.1.1, section 3.2.2.3: the return codes of CONNACK, as MQTT 5 numbers the same reasons. */
const returnCodes: readonly number[] = [0x00, 0x84, 0x85, 0x88, 0x86, 0x87];

export const reason = {
	unspecified: 0x80,
	unsupportedVersion: 0x84,
	badCredentials: 0x86,
	notAuthorised: 0x87,
	takenOver: 0x8e,
	tooLarge: 0x95,
	noRetain: 0x9a,
	noQos: 0x9b,
} as const;

/** The reason that a CONNACK gives, in the numbers of MQTT 5. */
export function reasonOfConnack(code: number): number {
	return code < 0x80 ? (returnCodes[code] ?? 0x80) : code;
}

/** What an unknown code means is decided by its highest bit alone: a failure, which may pass. */
export function fateOf(code: number): Fate {
	return meanings[code]?.fate ?? (code < 0x80 ? 'delivered' : 'later');
}

export function blameOf(code: number | undefined): Blame {
	return code === undefined ? 'unknown' : (meanings[code]?.blame ?? 'unknown');
}

/** Like `not authorised (0x87)`. */
export function reasonText(code: number): string {
	const number = `0x${code.toString(16).padStart(2, '0')}`;
	const says = meanings[code]?.says;
	return says === undefined ? number : `${says} (${number})`;
}

/** What the operating system, DNS and TLS say, in words that help. */
const causes: Readonly<Record<string, string>> = {
	ECONNREFUSED: 'nothing listens there',
	ECONNRESET: 'it closed the connection',
	EHOSTUNREACH: 'there is no way to that host',
	ENETUNREACH: 'there is no way to that network',
	ENOTFOUND: 'no host of that name is known',
	EAI_AGAIN: 'the name server does not answer',
	ETIMEDOUT: 'no answer',
	EPROTO: 'it does not speak TLS as we do',
	ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS: write mqtt:// (or ws://)',
	ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS: write mqtt:// (or ws://)',
	DEPTH_ZERO_SELF_SIGNED_CERT:
		'its certificate is signed by itself and unknown to this box: give it in NODE_EXTRA_CA_CERTS',
	SELF_SIGNED_CERT_IN_CHAIN:
		'its certificate is signed by an authority that this box does not know: give it in NODE_EXTRA_CA_CERTS',
	UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		'its certificate is signed by an authority that this box does not know: give it in NODE_EXTRA_CA_CERTS',
	UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
		'its certificate is signed by an authority that this box does not know: give it in NODE_EXTRA_CA_CERTS',
	CERT_HAS_EXPIRED: 'its certificate has expired: is the clock of this box right?',
	CERT_NOT_YET_VALID: 'its certificate is not valid yet: is the clock of this box right?',
	ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
};

export function causeText(cause: unknown): string | undefined {
	return typeof cause === 'string' ? causes[cause] : undefined;
}

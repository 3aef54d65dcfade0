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
	administrative: 0x98,
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

type Cause = { readonly says: string; readonly advice?: string };

const GIVE_CA =
	"Give the certificate of the broker's authority in mqtt.tls.ca; is it really the broker that answers there?";
const GIVE_OWN = 'Give mqtt.tls.cert and mqtt.tls.key, signed by the authority that the broker knows.';
const CLOCK = 'Renew it; or is the clock of this box wrong?';
const PLAIN = 'it does not speak TLS: write mqtt:// (or ws://)';
const UNKNOWN_AUTHORITY = 'its certificate is signed by an authority that this box does not know';
const WEAK = { says: 'its certificate or that of its authority is too weak', advice: 'Have them made anew.' };

/** What the operating system, DNS and TLS say, in words that help. What a broker's TLS says of us begins with ALERT. */
const causes: Readonly<Record<string, Cause>> = {
	ECONNREFUSED: { says: 'nothing listens there' },
	ECONNRESET: { says: 'it closed the connection' },
	EHOSTUNREACH: { says: 'there is no way to that host' },
	ENETUNREACH: { says: 'there is no way to that network' },
	ENOTFOUND: { says: 'no host of that name is known' },
	EAI_AGAIN: { says: 'the name server does not answer' },
	ETIMEDOUT: { says: 'no answer' },
	EPROTO: { says: 'it does not speak TLS as we do' },
	ERR_SSL_WRONG_VERSION_NUMBER: { says: PLAIN },
	ERR_SSL_PACKET_LENGTH_TOO_LONG: { says: PLAIN },
	ERR_SSL_UNSUPPORTED_PROTOCOL: { says: 'it speaks an older TLS than 1.2' },
	DEPTH_ZERO_SELF_SIGNED_CERT: {
		says: 'its certificate is signed by itself and unknown to this box',
		advice: 'Give that certificate in mqtt.tls.ca; is it really the broker that answers there?',
	},
	SELF_SIGNED_CERT_IN_CHAIN: { says: UNKNOWN_AUTHORITY, advice: GIVE_CA },
	UNABLE_TO_VERIFY_LEAF_SIGNATURE: { says: UNKNOWN_AUTHORITY, advice: GIVE_CA },
	UNABLE_TO_GET_ISSUER_CERT: { says: UNKNOWN_AUTHORITY, advice: GIVE_CA },
	UNABLE_TO_GET_ISSUER_CERT_LOCALLY: { says: UNKNOWN_AUTHORITY, advice: GIVE_CA },
	CERT_SIGNATURE_FAILURE: {
		says: 'its certificate is not signed by the authority in mqtt.tls.ca, though that has the same name',
		advice: GIVE_CA,
	},
	CERT_HAS_EXPIRED: {
		says: 'its certificate has expired',
		advice: "Renew the broker's certificate; or is the clock of this box wrong?",
	},
	CERT_NOT_YET_VALID: {
		says: 'its certificate is not valid yet',
		advice: 'Is the clock of this box right?',
	},
	ERR_TLS_CERT_ALTNAME_INVALID: {
		says: 'its certificate is for another name',
		advice: 'Write that name in mqtt.url, or in mqtt.tls.serverName.',
	},
	INVALID_PURPOSE: {
		says: 'its certificate is not made for servers',
		advice: "Have the broker's certificate made with extendedKeyUsage = serverAuth.",
	},
	INVALID_CA: { says: 'its certificate is signed by what is no authority', advice: GIVE_CA },
	EE_KEY_TOO_SMALL: WEAK,
	CA_KEY_TOO_SMALL: WEAK,
	CA_MD_TOO_WEAK: WEAK,
	ALERT_CERTIFICATE_REQUIRED: { says: 'it wants a certificate of this box', advice: GIVE_OWN },
	ALERT_HANDSHAKE_FAILURE: {
		says: 'it breaks TLS off, as it does where it wants a certificate of this box',
		advice: GIVE_OWN,
	},
	ALERT_UNKNOWN_CA: {
		says: "it does not know the authority of this box's certificate",
		advice:
			'Give its certificate to the broker (cafile), or have mqtt.tls.cert signed by the one that it knows.',
	},
	ALERT_CERTIFICATE_EXPIRED: { says: "this box's certificate has expired", advice: CLOCK },
	ALERT_CERTIFICATE_REVOKED: {
		says: "this box's certificate was revoked",
		advice: 'Have a new one made for mqtt.tls.cert.',
	},
	ALERT_UNSUPPORTED_CERTIFICATE: {
		says: "this box's certificate is not made for clients",
		advice: 'Have it made with extendedKeyUsage = clientAuth.',
	},
	ALERT_CERTIFICATE_UNKNOWN: { says: "it does not take this box's certificate", advice: GIVE_OWN },
	ALERT_BAD_CERTIFICATE: { says: "it does not take this box's certificate", advice: GIVE_OWN },
	ALERT_ACCESS_DENIED: { says: "it does not let this box's certificate in", advice: GIVE_OWN },
	ALERT_DECRYPT_ERROR: {
		says: "this box's certificate is not signed by the authority that the broker has by that name",
		advice: GIVE_OWN,
	},
	ALERT_UNRECOGNIZED_NAME: {
		says: 'it knows no server of that name',
		advice: 'Is the host in mqtt.url, or mqtt.tls.serverName, right?',
	},
	ALERT_PROTOCOL_VERSION: { says: 'it speaks another TLS than 1.2 and 1.3' },
};

/** What the libraries say of connections, in words that help. */
const sayings: readonly (readonly [said: RegExp, says: string])[] = [
	[/^connack timeout|closed before the connection was established/, 'it takes connections and says nothing'],
	[/^Keepalive timeout/, 'it says nothing any more'],
	[
		/^Unexpected server response: (\d+)$/,
		'it answers $1 over HTTP, no WebSocket: is the path of the address right?',
	],
	[
		/^Server sent (no|an invalid) subprotocol/,
		'it speaks WebSocket, but not MQTT: is the path of the address right?',
	],
	[/:SSL routines:[^:]*:([^:]+):/, 'TLS fails: $1'],
];

/** What an error of a connection says, without the addresses in memory that OpenSSL's words hold. */
export function sayingText(message: string): string {
	for (const [said, says] of sayings) {
		const [found, detail = ''] = said.exec(message) ?? [];
		if (found !== undefined) return says.replace('$1', detail);
	}
	return message;
}

/** What a cause means, in words; undefined when it is none that we know. */
export function causeText(cause: unknown): string | undefined {
	return causeOf(cause)?.says;
}

export function causeAdvice(cause: unknown): string | undefined {
	return causeOf(cause)?.advice;
}

function causeOf(cause: unknown): Cause | undefined {
	if (typeof cause !== 'string') return undefined;
	const name = cause.replace(/^ERR_SSL_.+?_ALERT_/, 'ALERT_');
	return Object.hasOwn(causes, name) ? causes[name] : undefined;
}

/** Where to listen, of `127.0.0.1:9464` or `[::1]:9464`; undefined when it is no such place. */
export function listenPlace(text: string): { readonly host: string; readonly port: number } | undefined {
	const [, six, four, digits] =
		/^(?:\[([0-9a-f:.]+)\]|([0-9]+(?:\.[0-9]+){3})):([0-9]{1,5})$/i.exec(text) ?? [];
	const port = Number(digits);
	if (four?.split('.').some((byte) => Number(byte) > 255) || port > 65_535) return undefined;
	const host = four ?? six;
	return host === undefined || Number.isNaN(port) ? undefined : { host, port };
}

/** What is wrong with a place to listen on and what to write instead; undefined when nothing is. */
export function listenFault(text: string): string | undefined {
	if (listenPlace(text)) return undefined;
	return 'is no address of this machine with a port: write it like "127.0.0.1:9464" or "[::1]:9464"';
}

import { createServer, type Server, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import { Failure, reasonOf } from '../base/failure.js';
import type { Service } from '../base/service.js';

/** How many ports are tried. */
const PORTS = 20;

/**
 * A small MQTT 3.1.1 broker on loopback, for the demonstration: `firstPort`, or the next free one.
 * @throws Failure port-busy
 */
export async function startEmbeddedBroker(firstPort: number): Promise<Service & { readonly port: number }> {
	const aedes = await Aedes.createBroker();
	const sockets = new Set<Socket>();
	const server = createServer((socket) => {
		sockets.add(socket);
		socket.on('close', () => sockets.delete(socket));
		aedes.handle(socket);
	});
	for (let port = firstPort; port < firstPort + PORTS; port += 1) {
		if (!(await listens(server, port))) continue;
		return {
			name: 'broker',
			port,
			[Symbol.asyncDispose]: async () => {
				for (const socket of sockets) socket.destroy();
				await new Promise<void>((resolve) => aedes.close(() => resolve()));
				await new Promise<void>((resolve) => server.close(() => resolve()));
			},
		};
	}
	throw new Failure(
		'port-busy',
		`Cannot start the broker: ports ${firstPort} to ${firstPort + PORTS - 1} are busy`,
		'End one of the programs that use them.',
	);
}

function listens(server: Server, port: number): Promise<boolean> {
	return new Promise((resolve, reject) => {
		const failed = (error: NodeJS.ErrnoException) => {
			if (error.code === 'EADDRINUSE') resolve(false);
			else reject(new Failure('port-busy', `Cannot start the broker on port ${port}: ${reasonOf(error)}`));
		};
		server.once('error', failed);
		server.listen(port, '127.0.0.1', () => {
			server.off('error', failed);
			resolve(true);
		});
	});
}

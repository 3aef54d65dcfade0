import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import mqttPacket, { type IConnectPacket, type IPublishPacket, type Packet } from 'mqtt-packet';

export type Habits = {
	/** What CONNACK announces and the broker insists on. */
	readonly receiveMaximum?: number;
	readonly maximumPacketSize?: number;
	readonly maximumQoS?: 0;
	readonly retainAvailable?: false;
	/** Seconds; ends a connection that says nothing for half as long again. */
	readonly serverKeepAlive?: number;
	/** Only for MQTT 5 when false: a CONNECT in 5 is refused as 3.1.1 does. */
	readonly knows5?: boolean;
	/** Says the reason in DISCONNECT before it ends a connection (MQTT 5 alone). */
	readonly silent?: boolean;
	/** A reason code for CONNACK; 'close': ends the connection instead. */
	readonly admit?: (packet: IConnectPacket) => number | 'close';
	/** A reason code for PUBACK; in an array: for DISCONNECT; 'nothing': no answer. */
	readonly treat?: (packet: IPublishPacket, nth: number) => number | readonly [code: number] | 'nothing';
	/** Ends each connection so long after CONNACK. */
	readonly spanMs?: number;
	readonly ackMs?: number;
	/** Shows a QoS 2 message to its sender's own subscription before it is released. */
	readonly deliversAtOnce?: boolean;
	/** SUBACK's reason code for a filter. */
	readonly grant?: (filter: string) => number;
};

export type StrictBroker = AsyncDisposable & {
	readonly url: string;
	readonly port: number;
	/** CONNECTs, in the order of their coming. */
	readonly connects: readonly (IConnectPacket & { readonly atMs: number })[];
	/** What it took, in order. */
	readonly taken: readonly IPublishPacket[];
	/** The last retained value of each topic, as a late subscriber would get it. */
	readonly retained: ReadonlyMap<string, string>;
	/** How many connections it ended by itself. */
	readonly ended: () => number;
	/** The most publishes that waited for an answer at a time. */
	readonly mostOpen: () => number;
};

/** A broker to the letter of MQTT 5 (and 3.1.1) that ends connections where the standard allows it, and says what it saw. */
export async function startStrictBroker(habits: Habits = {}): Promise<StrictBroker> {
	const sockets = new Set<Socket>();
	const clients = new Map<string, (code: number) => void>();
	const connects: (IConnectPacket & { atMs: number })[] = [];
	const taken: IPublishPacket[] = [];
	const retained = new Map<string, string>();
	let ended = 0;
	let nth = 0;
	let mostOpen = 0;

	const server = createServer((socket) => {
		sockets.add(socket);
		let version: 4 | 5 = 5;
		let hello: IConnectPacket | undefined;
		let goodbye = false;
		let open = 0;
		const subscribed = new Set<string>();
		const send = (packet: Packet) => {
			if (!socket.destroyed) socket.write(mqttPacket.generate(packet, { protocolVersion: version }));
		};
		const kick = (reasonCode: number) => {
			if (goodbye || socket.destroyed) return;
			ended += 1;
			if (version === 5 && !habits.silent) send({ cmd: 'disconnect', reasonCode } as Packet);
			socket.end();
			socket.removeAllListeners('data');
		};
		const connect = (packet: IConnectPacket) => {
			connects.push({ ...packet, atMs: performance.now() });
			version = packet.protocolVersion === 5 ? 5 : 4;
			const { will } = packet;
			const refuse = (reasonCode: number) => {
				send({ cmd: 'connack', reasonCode, returnCode: reasonCode, sessionPresent: false } as Packet);
				socket.end();
			};
			if (version === 5 && habits.knows5 === false) {
				version = 4;
				return refuse(1);
			}
			const admitted = habits.admit?.(packet) ?? 0;
			if (admitted === 'close') return void socket.end();
			if (admitted > 0) return refuse(admitted);
			if (will?.retain && habits.retainAvailable === false) return refuse(version === 5 ? 0x9a : 5);
			if (habits.maximumQoS === 0 && (will?.qos ?? 0) > 0) return refuse(version === 5 ? 0x9b : 5);
			hello = packet;
			clients.get(packet.clientId)?.(0x8e);
			clients.set(packet.clientId, kick);
			const { receiveMaximum, maximumPacketSize, maximumQoS, retainAvailable, serverKeepAlive } = habits;
			const properties = {
				...(receiveMaximum !== undefined && { receiveMaximum }),
				...(maximumPacketSize !== undefined && { maximumPacketSize }),
				...(maximumQoS !== undefined && { maximumQoS }),
				...(retainAvailable !== undefined && { retainAvailable }),
				...(serverKeepAlive !== undefined && { serverKeepAlive }),
			};
			send({ cmd: 'connack', reasonCode: 0, returnCode: 0, sessionPresent: false, properties });
			if (habits.spanMs !== undefined) setTimeout(() => kick(0x80), habits.spanMs);
		};
		const publish = (packet: IPublishPacket & { length?: number }) => {
			const remaining = packet.length ?? 0;
			const size = 1 + (remaining < 128 ? 1 : remaining < 16_384 ? 2 : 3) + remaining;
			if (size > (habits.maximumPacketSize ?? Number.POSITIVE_INFINITY)) return kick(0x95);
			if (packet.retain && habits.retainAvailable === false) return kick(0x9a);
			if (packet.qos > 0 && habits.maximumQoS === 0) return kick(0x9b);
			if (packet.qos > 0) open += 1;
			mostOpen = Math.max(mostOpen, open);
			if (open > (habits.receiveMaximum ?? 65_535)) return kick(0x93);
			nth += 1;
			const deed = habits.treat?.(packet, nth) ?? 0;
			if (deed === 'nothing') return;
			const shows = packet.qos < 2 || habits.deliversAtOnce;
			if (shows && subscribed.has(packet.topic))
				send({
					cmd: 'publish',
					topic: packet.topic,
					payload: packet.payload,
					qos: 0,
					dup: false,
					retain: false,
				});
			if (typeof deed !== 'number') return kick(deed[0]);
			setTimeout(() => {
				open -= 1;
				if (socket.destroyed || socket.writableEnded) return;
				if (deed < 128) {
					if (packet.qos < 2) taken.push(packet);
					if (packet.retain) retained.set(packet.topic, packet.payload.toString());
				}
				const cmd = packet.qos === 2 ? 'pubrec' : 'puback';
				if (packet.qos > 0) send({ cmd, messageId: packet.messageId, reasonCode: deed } as Packet);
			}, habits.ackMs ?? 1);
		};
		let silence: NodeJS.Timeout | undefined;
		const parser = mqttPacket.parser();
		parser.on('packet', (packet: Packet) => {
			if (socket.writableEnded) return;
			clearTimeout(silence);
			if (habits.serverKeepAlive) silence = setTimeout(() => kick(0x8d), 1500 * habits.serverKeepAlive);
			if (packet.cmd === 'connect') connect(packet);
			if (packet.cmd === 'publish') publish(packet);
			if (packet.cmd === 'pingreq') send({ cmd: 'pingresp' });
			if (packet.cmd === 'subscribe') {
				const granted = packet.subscriptions.map(({ topic }) => habits.grant?.(topic) ?? 1);
				packet.subscriptions.forEach(({ topic }, i) => {
					if (granted[i]! < 128) subscribed.add(topic);
				});
				send({ cmd: 'suback', messageId: packet.messageId!, granted } as Packet);
			}
			if (packet.cmd === 'disconnect') {
				goodbye = packet.reasonCode !== 4;
				socket.end();
			}
		});
		socket.on('data', (chunk) => parser.parse(chunk));
		socket.on('error', () => {});
		socket.on('close', () => {
			sockets.delete(socket);
			clearTimeout(silence);
			if (hello && clients.get(hello.clientId) === kick) clients.delete(hello.clientId);
			const will = hello?.will;
			if (will?.retain && !goodbye) retained.set(will.topic, will.payload.toString());
		});
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const { port } = server.address() as AddressInfo;
	return {
		url: `mqtt://127.0.0.1:${port}`,
		port,
		connects,
		taken,
		retained,
		ended: () => ended,
		mostOpen: () => mostOpen,
		[Symbol.asyncDispose]: async () => {
			for (const socket of sockets) socket.destroy();
			await new Promise((resolve) => server.close(resolve));
		},
	};
}

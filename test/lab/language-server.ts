/** The language server for YAML that editors use -> what it makes of a text. */

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';

const SERVER = resolve('node_modules/yaml-language-server/bin/yaml-language-server');
const HEADER_END = '\r\n\r\n';

export interface Position {
  readonly line: number;
  readonly character: number;
}

export interface Diagnostic {
  readonly message: string;
  readonly range: { readonly start: Position };
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
}

/** Speaks the Language Server Protocol 3.17 over stdio, as much of it as an editor needs that shows complaints and help. */
export class LanguageServer {
  readonly #folder: string;
  readonly #server: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers = new Map<number, (result: unknown) => void>();
  readonly #complaints = new Map<string, (diagnostics: readonly Diagnostic[]) => void>();
  #received = Buffer.alloc(0);
  #requests = 0;
  #texts = 0;

  /** @param folder where the texts are said to stand; nothing is written */
  constructor(folder: string) {
    this.#folder = folder;
    this.#server = spawn(process.execPath, [SERVER, '--stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#server.stdout.on('data', (bytes: Buffer) => this.#take(bytes));
  }

  async start(): Promise<void> {
    const capabilities = { textDocument: { hover: { contentFormat: ['markdown'] } } };
    await this.#ask('initialize', { processId: process.pid, rootUri: null, capabilities });
    this.#send({ method: 'initialized', params: {} });
  }

  /** What it complains of, from the first line on, and the name by which to ask of the same text. */
  async open(text: string): Promise<{ uri: string; diagnostics: readonly Diagnostic[] }> {
    const uri = pathToFileURL(join(this.#folder, `${++this.#texts}.yaml`)).href;
    const told = new Promise<readonly Diagnostic[]>((tell) => this.#complaints.set(uri, tell));
    const textDocument = { uri, languageId: 'yaml', version: 1, text };
    this.#send({ method: 'textDocument/didOpen', params: { textDocument } });
    const diagnostics = await told;
    return { uri, diagnostics: diagnostics.toSorted((a, b) => a.range.start.line - b.range.start.line) };
  }

  /** What it shows of the word at a place, empty for nothing. */
  async hover(uri: string, position: Position): Promise<string> {
    const shown = await this.#ask('textDocument/hover', { textDocument: { uri }, position });
    return (shown as { contents: { value: string } } | null)?.contents.value ?? '';
  }

  /** What it offers to write at a place. */
  async completions(uri: string, position: Position): Promise<readonly string[]> {
    const offered = await this.#ask('textDocument/completion', { textDocument: { uri }, position });
    return (offered as { items: { label: string }[] }).items.map(({ label }) => label);
  }

  async close(): Promise<void> {
    await this.#ask('shutdown', null);
    const ended = once(this.#server, 'exit');
    this.#send({ method: 'exit' });
    await ended;
  }

  #ask(method: string, params: unknown): Promise<unknown> {
    const id = ++this.#requests;
    const answer = new Promise((tell) => this.#answers.set(id, tell));
    this.#send({ id, method, params });
    return answer;
  }

  #send(message: Message): void {
    const text = JSON.stringify({ jsonrpc: '2.0', ...message });
    this.#server.stdin.write(`Content-Length: ${Buffer.byteLength(text)}${HEADER_END}${text}`);
  }

  #take(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    for (;;) {
      const end = this.#received.indexOf(HEADER_END);
      if (end < 0) return;
      const length = Number(/Content-Length: (\d+)/.exec(this.#received.toString('utf8', 0, end))?.[1]);
      const from = end + HEADER_END.length;
      if (this.#received.length < from + length) return;
      const message: Message = JSON.parse(this.#received.toString('utf8', from, from + length));
      this.#received = this.#received.subarray(from + length);
      this.#hear(message);
    }
  }

  #hear({ id, method, params, result }: Message): void {
    if (method === 'workspace/configuration') {
      // An editor that has no settings.
      const { items } = params as { items: unknown[] };
      this.#send({ id: id ?? 0, result: items.map(() => null) });
    } else if (method === 'textDocument/publishDiagnostics') {
      const { uri, diagnostics } = params as { uri: string; diagnostics: Diagnostic[] };
      this.#complaints.get(uri)?.(diagnostics);
    } else if (id !== undefined && method === undefined) this.#answers.get(id)?.(result);
  }
}

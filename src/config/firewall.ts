/** The schema of the key `firewall` in knock.yaml. */

import { z } from 'zod';
import { chainName, cron, path, strictMap, wrong, yesOrNo } from './values.ts';

/** Chains and targets that iptables has by itself: it makes no chain that is called like one of its targets. */
const BUILT_IN: ReadonlySet<string> = new Set(
  (
    'INPUT FORWARD OUTPUT PREROUTING POSTROUTING ACCEPT DROP RETURN QUEUE ' +
    'AUDIT CHECKSUM CLASSIFY CLUSTERIP CONNMARK CONNSECMARK CT DNAT DNPT DSCP ECN HL HMARK IDLETIMER LED LOG MARK ' +
    'MASQUERADE NETMAP NFLOG NFQUEUE NOTRACK RATEEST REDIRECT REJECT SECMARK SET SNAT SNPT SYNPROXY TCPMSS ' +
    'TCPOPTSTRIP TEE TOS TPROXY TRACE TTL ULOG'
  ).split(' '),
);

export const firewall = strictMap({
  backend: z
    .enum(['iptables', 'dry-run'], { error: wrong('a backend', 'write iptables or dry-run') })
    .default('iptables')
    .describe('dry-run prints rules and commands and runs neither.'),
  iptables: z
    .union([z.enum(['auto', 'nft', 'legacy']), path.regex(/^\//)], {
      error: wrong('a way to iptables', 'write auto, nft, legacy or an absolute path'),
    })
    .default('auto')
    .describe(
      'Which iptables: auto is that of the system, or its other form where that one alone has rules; or the one at a path.',
    ),
  chain: chainName
    .refine((name) => !BUILT_IN.has(name), {
      abort: true,
      error: wrong('a chain of its own', 'name one for openings alone, like KNOCKD'),
    })
    .default('KNOCKD')
    .describe('The chain that holds the openings.'),
  hooks: z
    .array(chainName, { error: wrong('a list of chains', 'write a list like [INPUT]') })
    .min(1, { error: wrong('a list of chains', 'write a list like [INPUT]') })
    .default(['INPUT'])
    .describe('The chains that jump to it.'),
  manage: yesOrNo.default(true).describe('Whether to make the chain and the jumps where they are missing.'),
  flush: cron.optional().describe('When to close all doors, by local time, as in crontab: "0 3 * * *".'),
})
  .refine(({ chain, hooks }) => !hooks.includes(chain), {
    path: ['hooks'],
    error: 'the chain of the openings cannot lead to itself, name chains by which packets come, like INPUT',
  })
  .transform(({ flush, ...rest }) => ({ ...rest, flush: flush ?? null }));

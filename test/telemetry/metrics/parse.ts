/** Text in Prometheus's exposition format -> samples by name and labels; whatever is not in the format is thrown. */

const NAME = /^[a-z][a-z0-9_]*$/;
const SAMPLE = /^([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)+)\})? ([0-9.e+]+)$/;

/** As strict as `promtool check metrics`, whose rules on names these are. */
export function parseMetrics(text: string): ReadonlyMap<string, number> {
  if (!text.endsWith('\n')) throw new Error('no end of line at the end');
  const samples = new Map<string, number>();
  const families = new Set<string>();
  let [family, type] = ['', ''];
  for (const line of text.slice(0, -1).split('\n')) {
    const [, helped, help] = /^# HELP (\S+) (.+)$/.exec(line) ?? [];
    const [, typed, of] = /^# TYPE (\S+) (counter|gauge)$/.exec(line) ?? [];
    if (helped !== undefined && help !== undefined) {
      if (!NAME.test(helped) || families.has(helped)) throw new Error(`a second or odd family: ${line}`);
      families.add(helped);
      [family, type] = [helped, ''];
    } else if (typed !== undefined && of !== undefined) {
      const isTotal = typed.endsWith('_total');
      if (typed !== family || type !== '' || isTotal !== (of === 'counter')) throw new Error(line);
      type = of;
    } else {
      const [, name, labels = '', value] = SAMPLE.exec(line) ?? [];
      if (name !== family || type === '') throw new Error(`not a sample of ${family}: ${line}`);
      const key = labels === '' ? name : `${name}{${labels}}`;
      if (samples.has(key)) throw new Error(`twice: ${line}`);
      samples.set(key, Number(value));
    }
  }
  return samples;
}

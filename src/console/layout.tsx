import { raw } from "hono/html";

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --accent: #3557d6; }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 26rem; margin: 12vh auto; padding: 0 1.25rem; }
main.wide { max-width: 60rem; margin-top: 4vh; }
h1 { font-size: 1.4rem; margin: 0 0 1rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
label { display: block; margin: 1rem 0 .25rem; }
input { width: 100%; padding: .6rem .7rem; font: inherit; border: 1px solid var(--line); border-radius: .4rem; }
button { margin-top: 1.25rem; width: 100%; padding: .65rem; font: inherit; font-weight: 600; color: #fff;
  background: var(--accent); border: 0; border-radius: .4rem; cursor: pointer; }
.notice { padding: .7rem .9rem; border: 1px solid var(--line); border-left: .25rem solid #c0392b; border-radius: .3rem; }
.notice.good { border-left-color: #1e8e4e; }
.quiet { color: #777; font-size: .875rem; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .35rem .6rem .35rem 0; border-bottom: 1px solid var(--line); }
code, pre { font: .875rem/1.45 ui-monospace, monospace; overflow-wrap: anywhere; }
pre { margin: .25rem 0; white-space: pre-wrap; }
summary { cursor: pointer; }
`;

interface LayoutProps {
  readonly title: string;
  readonly body: unknown;
  readonly nonce: string;
}

/** Every page: its title, the one style sheet, and its body. Everything interpolated is escaped by JSX. */
export function Layout({ title, body, nonce }: LayoutProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        {/* Under the header's no-referrer a browser sends its form with `Origin: null`, which is refused. */}
        <meta name="referrer" content="same-origin" />
        <title>{`${title} · Aurora Edge`}</title>
        <style nonce={nonce}>{raw(STYLE)}</style>
      </head>
      <body>{body}</body>
    </html>
  );
}

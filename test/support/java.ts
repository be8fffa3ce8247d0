// What a real Java says about regular expressions: the Debian package default-jdk-headless, one virtual machine for all questions.
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** With one text at least. */
export interface Question {
  pattern: string
  texts: string[]
}

/** Whether each text matches, undefined where Java would take for ever; or that Java refuses the pattern. */
export type Answer = { kind: 'answers'; matches: (boolean | undefined)[] } | { kind: 'refused' }

/**
 * A line is a question: the pattern and the texts, or = for those of the line before. Each is its UTF-16 in hexadecimal after an x, so that
 * any text is a word, the empty one too.
 */
const SOURCE = `
import java.io.*;
import java.util.Arrays;
import java.util.regex.*;

class Ask {
  static class TooLong extends RuntimeException {}

  /** Counts the looks at a text: a backtracking engine may need more than there is time for. */
  record Bounded(String text, long[] left) implements CharSequence {
    public char charAt(int index) {
      if (left[0]-- < 0) throw new TooLong();
      return text.charAt(index);
    }
    public int length() { return text.length(); }
    public CharSequence subSequence(int from, int to) { return text.subSequence(from, to); }
  }

  static String decode(String hex) {
    StringBuilder text = new StringBuilder();
    for (int at = 1; at < hex.length(); at += 4) text.append((char) Integer.parseInt(hex.substring(at, at + 4), 16));
    return text.toString();
  }

  public static void main(String[] arguments) throws IOException {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    StringBuilder out = new StringBuilder();
    String[] texts = {};
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String[] words = line.split(" ");
      if (!words[1].equals("=")) texts = Arrays.stream(words).skip(1).map(Ask::decode).toArray(String[]::new);
      try {
        Pattern pattern = Pattern.compile(decode(words[0]));
        StringBuilder answers = new StringBuilder("=");
        for (String text : texts) {
          try {
            answers.append(pattern.matcher(new Bounded(text, new long[] { 200000 })).matches() ? '1' : '0');
          } catch (TooLong | StackOverflowError endless) {
            answers.append('?');
          }
        }
        out.append(answers);
      } catch (PatternSyntaxException | NullPointerException refused) {
        // Some intersections that Java takes make it fail when it matches: JDK 17, [a&&&].
        out.append("!");
      }
      out.append("\\n");
    }
    System.out.print(out);
  }
}
`

/** Asks all questions at once. Throws how to install Java when it is not there. */
export async function askJava(questions: Question[]): Promise<Answer[]> {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-java-'))
  try {
    const file = join(folder, 'Ask.java')
    await writeFile(file, SOURCE)
    const lines = questions.map(({ pattern, texts }, index) =>
      [encode(pattern), ...(texts === questions[index - 1]?.texts ? ['='] : texts.map(encode))].join(' '),
    )
    const answers = (await run(file, `${lines.join('\n')}\n`)).trimEnd().split('\n')
    if (answers.length !== questions.length)
      throw new Error(`Java answered ${answers.length} of ${questions.length} questions.`)
    return answers.map(decode)
  } finally {
    await rm(folder, { recursive: true })
  }
}

function encode(text: string): string {
  return `x${Array.from({ length: text.length }, (_, at) => text.charCodeAt(at).toString(16).padStart(4, '0')).join('')}`
}

function decode(line: string): Answer {
  if (line === '!') return { kind: 'refused' }
  const meaning: Record<string, boolean | undefined> = { '1': true, '0': false }
  return { kind: 'answers', matches: [...line.slice(1)].map((answer) => meaning[answer]) }
}

function run(file: string, input: string): Promise<string> {
  const java = spawn('java', ['-Xss8m', file], { stdio: ['pipe', 'pipe', 'pipe'] })
  let [output, complaints] = ['', '']
  java.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  java.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text
  })
  // If Java ends early, its exit tells why.
  java.stdin.on('error', () => undefined)
  java.stdin.end(input)
  return new Promise((resolve, reject) => {
    java.on('error', () => reject(new Error('Java is not installed. On Debian: apt-get install default-jdk-headless')))
    java.on('close', (code) =>
      code === 0 ? resolve(output) : reject(new Error(`Java ended with ${code}:\n${complaints}`)),
    )
  })
}

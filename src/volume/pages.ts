/** Rows page by page, so that a large table costs no memory. */
export async function* pages<T extends { readonly id: string }>(
  read: (page: { after?: string; limit: number }) => Promise<readonly T[]>,
): AsyncGenerator<T> {
  const limit = 200;
  let rows = await read({ limit });
  for (;;) {
    yield* rows;
    const last = rows.at(-1);
    if (rows.length < limit || last === undefined) return;
    rows = await read({ after: last.id, limit });
  }
}

import type { ComponentChildren, VNode } from 'preact';
import { useLanguage } from '../page-props.js';

/** One column of a table. */
export interface Column<Row> {
  readonly label: string;
  readonly cell: (row: Row) => ComponentChildren;
}

export interface DataTableProps<Row> {
  /** Title of the table, for screen readers only. */
  readonly caption: string;
  /** The first one contains the row headers. */
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
}

/**
 * A table that is shown on phones as one block per row. Its roles are explicit, because browsers drop a table's implicit
 * roles if its parts are laid out as blocks.
 */
export function DataTable<Row>({ caption, columns, rows, keyOf }: DataTableProps<Row>): VNode {
  const { text } = useLanguage();
  if (rows.length === 0) {
    return <p>{text('admin.nothing')}</p>;
  }
  return (
    <table class="data" role="table">
      <caption class="visually-hidden">{caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map(({ label }) => (
            <th key={label} role="columnheader" scope="col">
              {label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <tr key={keyOf(row)} role="row">
            {columns.map(({ label, cell }, index) =>
              index === 0 ? (
                <th key={label} role="rowheader" scope="row">
                  {cell(row)}
                </th>
              ) : (
                <td key={label} role="cell" data-label={label}>
                  {cell(row)}
                </td>
              ),
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export interface PagingProps {
  /** URL of the next page; undefined on the last one. */
  readonly next: string | undefined;
  /** URL of the first page; undefined on the first page itself. */
  readonly first: string | undefined;
}

/** Links to the next and the first page of a list. */
export function Paging({ next, first }: PagingProps): VNode | null {
  const { text } = useLanguage();
  if (next === undefined && first === undefined) {
    return null;
  }
  return (
    <nav class="paging" aria-label={text('admin.pages')}>
      {first !== undefined && <a href={first}>{text('admin.first')}</a>}
      {next !== undefined && (
        <a href={next} rel="next">
          {text('admin.next')}
        </a>
      )}
    </nav>
  );
}

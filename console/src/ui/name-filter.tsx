/** The field above a list that keeps the rows whose name has what is typed. */
interface Props {
  readonly label: string;
  readonly value: string;
  readonly change: (text: string) => void;
}

export const NameFilter = ({ label, value, change }: Props) => (
  <input
    aria-label={label}
    placeholder="name"
    value={value}
    onChange={({ target }) => change(target.value)}
    className="min-h-8 rounded-md border border-line bg-panel px-2 text-sm placeholder:text-soft"
  />
);

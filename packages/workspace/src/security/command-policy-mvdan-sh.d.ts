declare module 'mvdan-sh' {
  namespace sh {
    interface Position {
      Offset(): number;
    }
    /** A node of the syntax tree: every field that we read, present or not by the node's type. */
    interface Node {
      Pos(): Position;
      End(): Position;
      Cmd?: Node | null;
      Redirs?: Node[] | null;
      Args?: Node[] | null;
      Assigns?: Node[] | null;
      Parts?: Node[] | null;
      Name?: Node | null;
      Value?: Node & string;
      Array?: Node | null;
      Variant?: { Value: string } | null;
      Dollar?: boolean;
      OpPos?: Position;
      Word?: Node | null;
      Hdoc?: Node | null;
      X?: Node | null;
      Y?: Node | null;
      Body?: Node | null;
    }
    interface Parser {
      Parse(source: string, name: string): Node;
    }
    interface Syntax {
      NewParser(): Parser;
      NodeType(node: Node): string;
      Walk(node: Node, visit: (node: Node | null) => boolean): void;
    }
  }
  const sh: { syntax: sh.Syntax };
  export default sh;
}

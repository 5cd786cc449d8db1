//! Comments as pages that a browser can take a picture of: `tests/pictures/take`
//! names the folder.

use std::{fs, path::Path};

use crate::judge::dialect;

#[test]
fn each_kept_text_is_a_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let style = fs::read_to_string(root.join("tests/pictures/page.css")).expect("a stylesheet");
    for (name, open) in [("create", true), ("shrink", true), ("conflict", false), ("twenty", false)] {
        let text = fs::read_to_string(root.join(format!("tests/render/markdown/{name}.md"))).expect("kept");
        let page = page(&text, &style, open);
        assert!(page.contains("</article>"));
        if let Ok(folder) = std::env::var("PICTURES") {
            fs::write(Path::new(&folder).join(format!("{name}.html")), page).expect("written");
        }
    }
}

/// A page that tells its own height in its title.
fn page(markdown: &str, style: &str, open: bool) -> String {
    let html = comrak::markdown_to_html(markdown, &dialect());
    let html = html.split("<code class=\"language-diff\">").collect::<Vec<_>>();
    let html: String =
        std::iter::once(html[0].to_owned()).chain(html[1..].iter().map(|part| diff(part))).collect();
    let html = if open { html.replace("<details>", "<details open>") } else { html };
    format!(
        "<!doctype html><meta charset=\"utf-8\"><style>{style}</style>\n<article><header><b>etcd-plans</b> \
         <span>bot</span> commented</header><div>{html}</div></article>\n\
         <script>document.title = document.documentElement.scrollHeight</script>\n"
    )
}

/// Lines of a diff in the colours that GitHub gives them.
fn diff(part: &str) -> String {
    let (lines, rest) = part.split_once("</code>").expect("it is closed");
    let line = |line: &str| match line.as_bytes().first() {
        Some(b'+') => format!("<i class=\"more\">{line}</i>"),
        Some(b'-') => format!("<i class=\"less\">{line}</i>"),
        Some(b'!') => format!("<i class=\"other\">{line}</i>"),
        Some(b'@') => format!("<i class=\"place\">{line}</i>"),
        _ => format!("<i>{line}</i>"),
    };
    let lines: Vec<String> = lines.lines().map(line).collect();
    format!("<code class=\"diff\">{}</code>{rest}", lines.join("\n"))
}

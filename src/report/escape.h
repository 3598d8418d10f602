#pragma once

#include <string>
#include <string_view>

namespace weigh::core {

// Text from files, made safe for where it is shown: no name may move the cursor, reorder a line or become markup.

/// For a terminal: control characters, invalid UTF-8 and bidirectional overrides become \xNN or \u{NNNN}. Without
/// `unicode` so does everything beyond ASCII.
std::string escaped(std::string_view text, bool unicode = true);

/// A command line whose words are quoted with '...', safe to show and still to paste: a quoted part with what escaped()
/// would change is written as $'...', so that a shell (bash, zsh, ksh) gets the same bytes.
std::string shell_escaped(std::string_view command, bool unicode = true);

/// JSON text (valid UTF-8) with invisible and reordering characters as \uNNNN: the same document, safe to show.
std::string json_escaped(std::string json);

/// For markdown: as escaped(), and it cannot become HTML, table borders, emphasis or links.
std::string markdown_escaped(std::string_view text);

}  // namespace weigh::core

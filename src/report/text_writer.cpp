#include "src/report/text_writer.h"

#include "src/model/kind.h"
#include "src/report/summary.h"

namespace weigh::core {

void write_heading(const Model& model, bool show_path, TextWriter& page) {
  const Checkpoint& checkpoint = model.checkpoint;
  const bool path_tells = !checkpoint.files.empty() && (!checkpoint.named_by_store || page.style().verbose);
  write_heading(page.safe(show_path && path_tells ? checkpoint.path : checkpoint.name), page.safe(kind_of(model)),
                page);
}

void write_heading(std::string name, const std::string& kind, TextWriter& page) {
  if (page.style().terminal) name = cut_middle(name, page.width(), page.style().unicode);
  const std::size_t used = display_width(name) + display_width(kind);
  if (used + 2 <= page.width()) {
    page.line(page.colored(name, Color::Bold) + std::string(page.width() - used, ' ') + kind);
  } else {
    page.line(page.colored(name, Color::Bold));
    page.paragraph("  ", kind);
  }
}

void write_no_verdict(const Model& model, TextWriter& page) {
  if (runs_alone(model.kind)) return;
  page.line();
  page.paragraph(page.label("verdict"), "none of its own: it is not a model that runs by itself");
}

}  // namespace weigh::core

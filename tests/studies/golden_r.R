# Golden values for exoimage's statistics, from R's own data sets.
#   Rscript tests/studies/golden_r.R tests/studies/golden_r.json
# needs base R and the package mvtnorm (for Dunnett's test only). Games-Howell, Dunn, Brown-Forsythe and omega squared
# are not in base R: they are written here from their formulas.
library(mvtnorm)
options(warn = 1)

number <- function(x) paste0("[", paste(ifelse(is.na(x), "null", sprintf("%.17g", x)), collapse = ", "), "]")
text <- function(x) paste0("[", paste(sprintf("\"%s\"", x), collapse = ", "), "]")
object <- function(...) {
  parts <- list(...)
  paste0("{", paste(sprintf("\"%s\": %s", names(parts), unlist(parts)), collapse = ",\n   "), "}")
}

pairs_of <- function(g) combn(levels(g), 2, simplify = FALSE)

dunnett <- function(x, g) {  # each level against the first
  fit <- aov(x ~ g)
  df <- fit$df.residual
  mse <- sum(residuals(fit)^2) / df
  n <- tapply(x, g, length)
  m <- tapply(x, g, mean)
  k <- length(n) - 1
  root <- sqrt(n[-1] / (n[-1] + n[1]))
  corr <- outer(root, root)
  diag(corr) <- 1
  statistic <- (m[-1] - m[1]) / sqrt(mse * (1 / n[-1] + 1 / n[1]))
  set.seed(1)
  exact <- GenzBretz(maxpts = 4e5, abseps = 1e-6, releps = 0)
  p <- sapply(statistic, function(q)
    1 - pmvt(rep(-abs(q), k), rep(abs(q), k), df = df, corr = corr, algorithm = exact)[1])
  crit <- qmvt(0.95, tail = "both.tails", df = df, corr = corr, algorithm = exact)$quantile
  half <- crit * sqrt(mse * (1 / n[-1] + 1 / n[1]))
  d <- m[-1] - m[1]
  object(statistic = number(statistic), p = number(p), low = number(d - half), high = number(d + half))
}

games_howell <- function(x, g) {
  n <- tapply(x, g, length); m <- tapply(x, g, mean); v <- tapply(x, g, var)
  rows <- sapply(pairs_of(g), function(ab) {
    a <- ab[1]; b <- ab[2]
    d <- m[[a]] - m[[b]]
    u <- v[[a]] / n[[a]]; w <- v[[b]] / n[[b]]
    df <- (u + w)^2 / (u^2 / (n[[a]] - 1) + w^2 / (n[[b]] - 1))
    se <- sqrt(u + w)
    half <- qtukey(0.95, length(n), df) * se / sqrt(2)
    c(d, ptukey(abs(d) / se * sqrt(2), length(n), df, lower.tail = FALSE), d - half, d + half, df)
  })
  object(difference = number(rows[1, ]), p = number(rows[2, ]), low = number(rows[3, ]), high = number(rows[4, ]),
         df = number(rows[5, ]))
}

dunn <- function(x, g) {
  r <- rank(x); N <- length(x)
  n <- tapply(x, g, length); m <- tapply(r, g, mean)
  ties <- table(x)
  s2 <- N * (N + 1) / 12 - sum(ties^3 - ties) / (12 * (N - 1))
  z <- sapply(pairs_of(g), function(ab) (m[[ab[1]]] - m[[ab[2]]]) / sqrt(s2 * (1 / n[[ab[1]]] + 1 / n[[ab[2]]])))
  p <- 2 * pnorm(-abs(z))
  object(z = number(z), p = number(p), holm = number(p.adjust(p, "holm")))
}

lower_pairs <- function(g, matrix) {  # pairwise.t.test's lower triangle, in the order of pairs_of
  sapply(pairs_of(g), function(ab) matrix[ab[2], ab[1]])
}

many_groups <- function(name, x, g) {
  keep <- !is.na(x)
  x <- as.numeric(x[keep]); g <- factor(as.character(g[keep]), levels = levels(droplevels(factor(g[keep]))))
  fit <- aov(x ~ g)
  table <- anova(fit)
  ss <- table[["Sum Sq"]]; df <- table[["Df"]]; mse <- table[["Mean Sq"]][2]
  tukey <- TukeyHSD(fit)$g
  tukey <- tukey[sapply(pairs_of(g), function(ab) paste(ab[2], ab[1], sep = "-")), , drop = FALSE]
  welch <- oneway.test(x ~ g)
  kruskal <- kruskal.test(x, g)
  shapiro <- shapiro.test(residuals(fit))
  away <- abs(x - ave(x, g, FUN = median))
  levene <- anova(aov(away ~ g))
  n <- tapply(x, g, length); m <- tapply(x, g, mean)
  lsd_half <- sapply(pairs_of(g), function(ab) qt(0.975, df[2]) * sqrt(mse * (1 / n[[ab[1]]] + 1 / n[[ab[2]]])))
  object(
    name = sprintf("\"%s\"", name), groups = text(as.character(g)), order = text(levels(g)), values = number(x),
    n = number(n), mean = number(m), sd = number(tapply(x, g, sd)),
    sem = number(tapply(x, g, sd) / sqrt(n)), median = number(tapply(x, g, median)),
    ci_low = number(m - qt(0.975, n - 1) * tapply(x, g, sd) / sqrt(n)),
    anova = object(f = number(table[["F value"]][1]), df = number(df), p = number(table[["Pr(>F)"]][1]),
                   eta2 = number(ss[1] / sum(ss)),
                   omega2 = number((ss[1] - df[1] * mse) / (sum(ss) + mse))),
    welch = object(f = number(welch$statistic), df = number(welch$parameter), p = number(welch$p.value)),
    kruskal = object(h = number(kruskal$statistic), df = number(kruskal$parameter), p = number(kruskal$p.value)),
    shapiro = object(w = number(shapiro$statistic), p = number(shapiro$p.value)),
    brown_forsythe = object(f = number(levene[["F value"]][1]), p = number(levene[["Pr(>F)"]][1])),
    pairs = text(sapply(pairs_of(g), paste, collapse = " | ")),
    lsd = object(p = number(lower_pairs(g, pairwise.t.test(x, g, p.adjust.method = "none")$p.value)), half = number(lsd_half)),
    holm = number(lower_pairs(g, pairwise.t.test(x, g, p.adjust.method = "holm")$p.value)),
    welch_pairs = number(lower_pairs(g, pairwise.t.test(x, g, p.adjust.method = "holm", pool.sd = FALSE)$p.value)),
    tukey = object(difference = number(-tukey[, "diff"]), low = number(-tukey[, "upr"]), high = number(-tukey[, "lwr"]),
                   p = number(tukey[, "p adj"])),
    games_howell = games_howell(x, g),
    dunn = dunn(x, g),
    dunnett = if (nlevels(g) <= 6) dunnett(x, g) else "null"
  )
}

two_groups <- function(name, a, b, paired = FALSE) {
  t <- t.test(a, b, var.equal = TRUE)
  w <- t.test(a, b)
  exact <- length(unique(c(a, b))) == length(c(a, b))
  u <- suppressWarnings(wilcox.test(a, b, conf.int = exact, exact = exact))
  one <- t.test(a, mu = 1)
  parts <- list(
    name = sprintf("\"%s\"", name), a = number(a), b = number(b), paired = tolower(paired),
    t = object(t = number(t$statistic), df = number(t$parameter), p = number(t$p.value), low = number(t$conf.int[1]),
               high = number(t$conf.int[2])),
    welch_t = object(t = number(w$statistic), df = number(w$parameter), p = number(w$p.value), low = number(w$conf.int[1]),
                     high = number(w$conf.int[2])),
    mann_whitney = object(u = number(u$statistic), p = number(u$p.value), exact = tolower(exact),
                          shift = number(if (exact) u$estimate else NA), low = number(if (exact) u$conf.int[1] else NA),
                          high = number(if (exact) u$conf.int[2] else NA)),
    one_sample = object(t = number(one$statistic), df = number(one$parameter), p = number(one$p.value),
                        low = number(one$conf.int[1]), high = number(one$conf.int[2])))
  if (paired) {
    d <- t.test(a, b, paired = TRUE)
    parts$paired_t <- object(t = number(d$statistic), df = number(d$parameter), p = number(d$p.value),
                             low = number(d$conf.int[1]), high = number(d$conf.int[2]))
  }
  do.call(object, parts)
}

blocked <- function(name, x, g, b) {
  g <- droplevels(factor(g)); b <- droplevels(factor(b)); x <- as.numeric(x)
  full <- lm(x ~ b + g)
  table <- anova(lm(x ~ b), full)
  contrast <- function(ab) {  # first minus second
    v <- setNames(numeric(length(coef(full))), names(coef(full)))
    for (k in 1:2) if (ab[k] != levels(g)[1]) v[paste0("g", ab[k])] <- v[paste0("g", ab[k])] + c(1, -1)[k]
    c(sum(v * coef(full)), sqrt(drop(v %*% vcov(full) %*% v)))
  }
  rows <- sapply(pairs_of(g), contrast)
  df <- full$df.residual
  t <- rows[1, ] / rows[2, ]
  k <- nlevels(g)
  object(
    name = sprintf("\"%s\"", name), groups = text(as.character(g)), order = text(levels(g)), blocks = text(as.character(b)),
    values = number(x), pairs = text(sapply(pairs_of(g), paste, collapse = " | ")),
    f = number(table[["F"]][2]), df = number(c(table[["Df"]][2], df)), p = number(table[["Pr(>F)"]][2]),
    difference = number(rows[1, ]),
    lsd = number(2 * pt(-abs(t), df)), half = number(qt(0.975, df) * rows[2, ]),
    tukey = number(ptukey(abs(t) * sqrt(2), k, df, lower.tail = FALSE)))
}

sets <- c(
  many_groups("PlantGrowth", PlantGrowth$weight, PlantGrowth$group),
  many_groups("InsectSprays", InsectSprays$count, InsectSprays$spray),
  many_groups("chickwts", chickwts$weight, chickwts$feed),
  many_groups("warpbreaks, tension", warpbreaks$breaks, warpbreaks$tension),
  many_groups("ToothGrowth, dose", ToothGrowth$len, factor(ToothGrowth$dose)),
  many_groups("airquality, Ozone by Month", airquality$Ozone, factor(airquality$Month)),
  many_groups("iris, Sepal.Width", iris$Sepal.Width, iris$Species),
  many_groups("morley", morley$Speed, factor(morley$Expt)),
  many_groups("mtcars, mpg by cyl", mtcars$mpg, factor(mtcars$cyl)),
  many_groups("OrchardSprays", OrchardSprays$decrease, OrchardSprays$treatment),
  many_groups("CO2, uptake by Plant", CO2$uptake, factor(as.character(CO2$Plant))),
  many_groups("attenu, first 40", attenu$accel[1:40], factor(attenu$event[1:40] > 2, labels = c("early", "late")))
)
twos <- c(
  two_groups("sleep", sleep$extra[1:10], sleep$extra[11:20], paired = TRUE),
  two_groups("ToothGrowth, supp", ToothGrowth$len[ToothGrowth$supp == "OJ"], ToothGrowth$len[ToothGrowth$supp == "VC"]),
  two_groups("mtcars, mpg by am", mtcars$mpg[mtcars$am == 0], mtcars$mpg[mtcars$am == 1]),
  two_groups("CO2, Quebec by treatment", CO2$uptake[CO2$Type == "Quebec" & CO2$Treatment == "chilled"],
             CO2$uptake[CO2$Type == "Quebec" & CO2$Treatment == "nonchilled"]),
  two_groups("women and cars", women$height[1:8] + 0.1, cars$speed[c(30, 36, 41, 45, 50)] + 45.37),
  two_groups("trees", trees$Volume[1:9] + (1:9) / 1000, trees$Volume[15:25] + (15:25) / 1000, paired = FALSE)
)
blocks <- c(
  blocked("OrchardSprays, rows", OrchardSprays$decrease, OrchardSprays$treatment, OrchardSprays$rowpos),
  blocked("OrchardSprays, rows, incomplete", OrchardSprays$decrease[-c(1, 10, 23, 40, 57)],
          OrchardSprays$treatment[-c(1, 10, 23, 40, 57)], OrchardSprays$rowpos[-c(1, 10, 23, 40, 57)]),
  blocked("npk", npk$yield, interaction(npk$N, npk$K, sep = "/"), npk$block),
  blocked("sleep", sleep$extra, sleep$group, sleep$ID),
  blocked("warpbreaks", warpbreaks$breaks, warpbreaks$tension, warpbreaks$wool)
)
file <- commandArgs(trailingOnly = TRUE)[1]
listed <- function(x) paste0("[\n", paste(x, collapse = ",\n"), "\n]")
writeLines(object(R = sprintf("\"%s, mvtnorm %s\"", R.version.string, packageVersion("mvtnorm")),
                  many_groups = listed(sets), two_groups = listed(twos), blocked = listed(blocks)), file)

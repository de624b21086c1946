//! A counted budget of an upgrade's transitions on the command line.

use refit_upgrade::BusBudget;

/// The budgets that can be set, as the command line names them.
const WORDS: &str = "messages, rounds, bytes or engines";

/// One budget and how much there is of it: `messages=100000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BudgetArg {
    what: What,
    most: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Messages,
    Rounds,
    Bytes,
    Engines,
}

impl BudgetArg {
    /// Sets it.
    pub(crate) fn apply(self, budget: &mut BusBudget) {
        let place = match self.what {
            What::Messages => &mut budget.messages,
            What::Rounds => &mut budget.rounds,
            What::Bytes => &mut budget.bytes,
            What::Engines => &mut budget.engines,
        };
        *place = self.most;
    }
}

impl std::str::FromStr for BudgetArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let malformed = || format!("expected WHAT=COUNT, where WHAT is {WORDS}");
        let (what, most) = text.split_once('=').ok_or_else(malformed)?;
        let what = match what {
            "messages" => What::Messages,
            "rounds" => What::Rounds,
            "bytes" => What::Bytes,
            "engines" => What::Engines,
            _ => return Err(format!("there is no budget of `{what}`; there are {WORDS}")),
        };
        let most = most
            .parse()
            .map_err(|_| format!("`{most}` is no whole number"))?;
        Ok(Self { what, most })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_a_word_and_a_number() {
        let mut budget = BusBudget::default();
        for text in ["messages=1", "rounds=2", "bytes=3", "engines=0"] {
            text.parse::<BudgetArg>().unwrap().apply(&mut budget);
        }
        let expected = BusBudget {
            messages: 1,
            rounds: 2,
            bytes: 3,
            engines: 0,
        };
        assert_eq!(budget, expected);
        for (text, says) in [
            ("messages", "WHAT=COUNT"),
            ("time=1", "`time`"),
            ("bytes=-1", "`-1`"),
        ] {
            let error = text.parse::<BudgetArg>().unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}

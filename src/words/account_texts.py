"""The words of the account of rows in English and Chinese: what became of a row, and why."""

from typing import Final

ACCOUNT: Final[dict[str, tuple[str, str]]] = {
    "account": ("Account of rows", "数据行核算"),
    "account_lead": (
        "Every row that came in is used, netted, later than the as-of date, or quarantined with a reason: {rows} "
        "rows in all.",
        "每一行数据都已被使用、冲抵、晚于截止日或附原因隔离，共 {rows} 行。",
    ),
    "col_status": ("Status", "状态"),
    "col_reason": ("Reason", "原因"),
    "col_rows": ("Rows", "行数"),
    "col_amount": ("Amount", "金额"),
    "status_used": ("used", "使用"),
    "status_netted": ("netted", "冲抵"),
    "status_later": ("later", "晚于截止日"),
    "status_quarantined": ("quarantined", "隔离"),
    "reason_purchase": ("a purchase line", "购买明细"),
    "reason_return": ("a return, set against what it undoes", "退货，冲抵原购买"),
    "reason_return_beyond_purchases": ("a return larger than earlier purchases", "退货金额超过此前购买"),
    "reason_duplicate": ("equals another row in every column", "与另一行完全相同"),
    "reason_after_as_of": ("dated after the as-of date", "日期晚于截止日"),
    "reason_customer_missing": ("no customer id", "缺少客户编号"),
    "reason_customer_unreadable": ("customer id is no whole number, as the others are", "客户编号不是整数"),
    "reason_line_malformed": ("a line whose columns cannot be told apart", "无法分列的数据行"),
    "reason_timestamp_missing": ("no timestamp", "缺少时间"),
    "reason_timestamp_unreadable": ("timestamp cannot be read", "时间无法识别"),
    "reason_timestamp_impossible": ("timestamp before 1900 or after 2199", "时间早于 1900 年或晚于 2199 年"),
    "reason_amount_missing": ("no amount", "缺少金额"),
    "reason_amount_unreadable": ("amount cannot be read", "金额无法识别"),
    "reason_amount_not_finite": ("amount is not a finite number", "金额不是有限数"),
    "reason_amount_out_of_range": ("amount too large to be true", "金额过大"),
    "reason_other_currency": ("another currency", "其他币种"),
    "reason_zero_amount": ("amount 0, ignored by the configuration", "金额为 0，按配置忽略"),
    "reason_return_without_purchase": ("a return without an earlier purchase", "没有对应购买的退货"),
}
